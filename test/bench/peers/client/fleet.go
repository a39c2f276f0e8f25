package main

import (
	"fmt"
	"log"
	"sync/atomic"
	"time"
)

// fleet of streams which all expect the same.
type fleet struct {
	options
	streams []*stream
	// expected resources of each stream since it was first connected, as if the first had seen all.
	expected atomic.Int64
	// pending streams that do not have all of them yet; the last one tells when.
	pending atomic.Int64
	last    chan time.Time
	// handshakes under way. Envoys have a machine each for theirs; all of ours at once on one core would starve those that are done.
	handshakes chan struct{}
}

const patience = 2 * time.Minute
const handshakesAtOnce = 256

func newFleet(o options) *fleet {
	return &fleet{options: o, last: make(chan time.Time, 1), handshakes: make(chan struct{}, handshakesAtOnce)}
}

// connect opens so many more streams at once; each expects everything.
func (f *fleet) connect(count int) {
	if len(f.streams) == 0 {
		f.expected.Store(int64(f.services))
	}
	f.pending.Store(int64(count))
	for range count {
		s := &stream{fleet: f, id: fmt.Sprintf("proxy-%d", len(f.streams)), versions: map[string]string{}}
		s.received.Store(f.expected.Load() - int64(f.services))
		f.streams = append(f.streams, s)
	}
	for _, s := range f.streams[len(f.streams)-count:] {
		go s.run()
	}
}

// push makes the server change something, and returns after how long everybody has that.
func (f *fleet) push(clusters int) time.Duration {
	expected := clusters
	if f.sotw {
		expected = f.services
	}
	f.expected.Add(int64(expected))
	f.pending.Store(int64(len(f.streams)))
	began := time.Now()
	f.get(fmt.Sprintf("/push?clusters=%d", clusters))
	return f.wait().Sub(began)
}

// wait until the last stream has what it expects.
func (f *fleet) wait() time.Time {
	select {
	case at := <-f.last:
		return at
	case <-time.After(patience):
		log.Fatalf("client: %d of %d streams do not have everything after %s", f.pending.Load(), len(f.streams), patience)
		return time.Time{}
	}
}

// arrived is called by a stream that has what it expects.
func (f *fleet) arrived() {
	if f.pending.Add(-1) == 0 {
		f.last <- time.Now()
	}
}

func (f *fleet) close() {
	for _, s := range f.streams {
		s.close()
	}
}

// reopen opens all streams with the versions that they have; nothing is expected.
func (f *fleet) reopen() {
	for _, s := range f.streams {
		go s.run()
	}
}

// surplus is the number of resources that were sent without need.
func (f *fleet) surplus() int64 {
	var sum int64
	for _, s := range f.streams {
		sum += s.received.Load() - f.expected.Load()
	}
	return sum
}

func (f *fleet) checkExact() {
	if surplus := f.surplus(); surplus != 0 {
		log.Fatalf("client: %d resources more than there were changes", surplus)
	}
}
