// The load client: many discovery streams as a fleet of Envoys would open them, one TCP connection each. It makes a server change something through
// its control port, and tells when the last stream has the complete message. Results are one JSON object on standard output.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type stat struct {
	RSS int64 `json:"rss"`
	CPU struct {
		User   int64 `json:"user"`
		System int64 `json:"system"`
	} `json:"cpu"`
	Streams int `json:"streams"`
}

// grown tells of a fleet that just reached its size and is idle.
type grown struct {
	Streams   int     `json:"streams"`
	ConnectMs float64 `json:"connectMs"`
	// RSS of the server, in bytes.
	RSS int64 `json:"rss"`
	// ConnectCPU of the server for each new stream, in microseconds.
	ConnectCPU float64 `json:"connectCpuUs"`
}

// pushed tells of changes one after the other to all streams.
type pushed struct {
	Streams  int `json:"streams"`
	Clusters int `json:"clusters"`
	// LastMs of each change: from before it was asked for until the last stream has it.
	LastMs []float64 `json:"lastMs"`
	// CPU of the server for each message, with its answer, in microseconds.
	CPU float64 `json:"cpuUs"`
	// PerSecond is the messages a second when the next change comes as soon as everybody has the one before.
	PerSecond float64 `json:"perSecond"`
}

type reconnected struct {
	Ms float64 `json:"ms"`
	// Resent resources, of which there should be none.
	Resent int64 `json:"resent"`
}

type results struct {
	Grown       []grown      `json:"grown"`
	Pushed      []pushed     `json:"pushed"`
	Reconnected *reconnected `json:"reconnected,omitempty"`
}

type options struct {
	address, control string
	tls, sotw        bool
	services         int
	rounds, warmup   int
	settle           time.Duration
}

var control = http.Client{Timeout: time.Minute}

func main() {
	var o options
	flag.StringVar(&o.address, "address", "", "host:port of the discovery server")
	flag.StringVar(&o.control, "control", "", "host:port of its control port")
	flag.BoolVar(&o.tls, "tls", false, "connect with TLS (the certificate is not checked)")
	flag.BoolVar(&o.sotw, "sotw", false, "state of the world instead of delta")
	flag.IntVar(&o.services, "services", 100, "clusters that the server has")
	flag.IntVar(&o.rounds, "rounds", 11, "changes measured")
	flag.IntVar(&o.warmup, "warmup", 3, "changes before that")
	flag.DurationVar(&o.settle, "settle", 1500*time.Millisecond, "quiet before memory is read")
	sizes := flag.String("streams", "1000", "sizes of the fleet, ascending")
	clusters := flag.String("clusters", "1", "at the largest size: clusters of each change, one series after the other; empty: no changes")
	reconnect := flag.Bool("reconnect", false, "at the end close all streams and open them again with the versions they had")
	flag.Parse()

	fleet := newFleet(o)
	var all results
	for _, size := range numbers(*sizes) {
		all.Grown = append(all.Grown, grow(fleet, size))
	}
	for _, count := range numbers(*clusters) {
		all.Pushed = append(all.Pushed, push(fleet, count))
	}
	if *reconnect {
		again := connectAgain(fleet)
		all.Reconnected = &again
	}
	fleet.checkExact()
	check(json.NewEncoder(os.Stdout).Encode(all))
}

func grow(fleet *fleet, size int) grown {
	before := fleet.stat()
	began := time.Now()
	added := size - len(fleet.streams)
	fleet.connect(added)
	took := fleet.wait().Sub(began)
	time.Sleep(fleet.settle)
	after := fleet.stat()
	return grown{
		Streams: size, ConnectMs: milliseconds(took), RSS: after.RSS,
		ConnectCPU: float64(cpuOf(after)-cpuOf(before)) / float64(added),
	}
}

func push(fleet *fleet, clusters int) pushed {
	result := pushed{Streams: len(fleet.streams), Clusters: clusters}
	for range fleet.warmup {
		fleet.push(clusters)
	}
	fleet.quiet()
	before := fleet.stat()
	for range fleet.rounds {
		result.LastMs = append(result.LastMs, milliseconds(fleet.push(clusters)))
		fleet.quiet()
	}
	after := fleet.stat()
	result.CPU = float64(cpuOf(after)-cpuOf(before)) / float64(fleet.rounds*len(fleet.streams))
	began := time.Now()
	for range fleet.rounds {
		fleet.push(clusters)
	}
	result.PerSecond = float64(fleet.rounds*len(fleet.streams)) / time.Since(began).Seconds()
	fleet.quiet()
	return result
}

// connectAgain is over when the server has taken everybody's first request.
func connectAgain(fleet *fleet) reconnected {
	fleet.close()
	fleet.until(0)
	began := time.Now()
	fleet.reopen()
	fleet.until(len(fleet.streams))
	took := time.Since(began)
	fleet.quiet()
	resent := fleet.surplus()
	// Everybody is really there.
	if resent == 0 {
		fleet.push(1)
	}
	return reconnected{Ms: milliseconds(took), Resent: resent}
}

func (o options) stat() stat {
	var s stat
	check(json.Unmarshal(o.get("/stat"), &s))
	return s
}

func (o options) get(path string) []byte {
	response, err := control.Get("http://" + o.control + path)
	check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s: %s", path, response.Status, body)
	}
	return body
}

// until the server counts so many streams.
func (o options) until(streams int) {
	for limit := time.Now().Add(patience); o.stat().Streams != streams; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			log.Fatalf("client: the server does not come to %d streams", streams)
		}
	}
}

// quiet lets answers arrive.
func (o options) quiet() { time.Sleep(100 * time.Millisecond) }

func cpuOf(s stat) int64 { return s.CPU.User + s.CPU.System }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func numbers(list string) []int {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		if text == "" {
			continue
		}
		number, err := strconv.Atoi(text)
		check(err)
		all = append(all, number)
	}
	return all
}

func check(err error) {
	if err != nil {
		log.Fatal(fmt.Errorf("client: %w", err))
	}
}
