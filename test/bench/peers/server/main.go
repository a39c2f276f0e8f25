// A discovery server of another make, to compare with: a wildcard CDS stream gets all clusters, a push changes some of them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc"
)

// contestant is what is measured; the rest of the program is the same for all.
type contestant interface {
	register(server *grpc.Server)
	// push changes so many clusters and hands that to every stream.
	push(clusters int) error
	// options of the gRPC server that this author would choose.
	options() []grpc.ServerOption
}

// streams whose first request was taken.
var streams, generation atomic.Int64

func main() {
	kind := flag.String("kind", "linear", "linear, snapshot (go-control-plane's caches) or passthrough (grpc-go, encoded bytes)")
	file := flag.String("clusters", "", "encoded DiscoveryResponse with the clusters")
	flag.Parse()
	clusters, err := readClusters(*file)
	check(err)
	peer, err := newContestant(*kind, clusters)
	check(err)

	port := serve(peer, nil)
	tlsPort := serve(peer, selfSigned())
	control := listen()
	go func() { check(http.Serve(control, controlOf(peer))) }()
	ready := map[string]any{"ready": true, "pid": os.Getpid(), "port": port, "tlsPort": tlsPort, "control": portOf(control)}
	check(json.NewEncoder(os.Stdout).Encode(ready))

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}

func newContestant(kind string, clusters []*cluster) (contestant, error) {
	switch kind {
	case "linear":
		return newLinear(clusters), nil
	case "snapshot":
		return newSnapshot(clusters)
	case "passthrough":
		return newPassthrough(clusters)
	}
	return nil, fmt.Errorf("no such kind: %s", kind)
}

func serve(peer contestant, credentials grpc.ServerOption) int {
	options := peer.options()
	if credentials != nil {
		options = append(options, credentials)
	}
	server := grpc.NewServer(options...)
	peer.register(server)
	listener := listen()
	go func() { check(server.Serve(listener)) }()
	return portOf(listener)
}

func controlOf(peer contestant) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /push", func(response http.ResponseWriter, request *http.Request) {
		clusters, err := strconv.Atoi(request.FormValue("clusters"))
		if err != nil {
			clusters = 1
		}
		check(peer.push(clusters))
		answer(response, map[string]any{"generation": generation.Load()})
	})
	mux.HandleFunc("GET /stat", func(response http.ResponseWriter, _ *http.Request) {
		var usage syscall.Rusage
		check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		answer(response, map[string]any{
			"pid": os.Getpid(), "rss": residentBytes(), "heap": memory.HeapAlloc,
			"cpu":     map[string]int64{"user": usage.Utime.Nano() / 1000, "system": usage.Stime.Nano() / 1000},
			"streams": streams.Load(), "generation": generation.Load(),
		})
	})
	return mux
}

func residentBytes() int {
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	var size, resident int
	_, err = fmt.Sscan(string(text), &size, &resident)
	check(err)
	return resident * os.Getpagesize()
}

func answer(response http.ResponseWriter, body any) {
	response.Header().Set("content-type", "application/json")
	check(json.NewEncoder(response).Encode(body))
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return listener
}

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
