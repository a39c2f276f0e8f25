package main

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strconv"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// passthrough is the leanest that gRPC for Go allows: a message is encoded once for all streams in the same position, and a codec of its own hands
// the bytes over as they are.
type passthrough struct {
	mutex sync.Mutex
	turn
	encoded []*discoveryv3.Resource
	// changedIn of each cluster: the generation that changed it last.
	changedIn []int64
	waiting   map[chan struct{}]struct{}
	memo      map[position][]byte
}

// position of a stream: which protocol it speaks, and what it has.
type position struct {
	delta      bool
	generation int64
}

func newPassthrough(clusters []*cluster) (*passthrough, error) {
	p := &passthrough{
		turn:      turn{clusters: clusters},
		encoded:   make([]*discoveryv3.Resource, len(clusters)),
		changedIn: make([]int64, len(clusters)),
		waiting:   map[chan struct{}]struct{}{},
		memo:      map[position][]byte{},
	}
	generation.Store(1)
	for place := range clusters {
		if err := p.encode(place); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *passthrough) encode(place int) error {
	body, err := proto.Marshal(p.clusters[place])
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	p.changedIn[place] = generation.Load()
	p.encoded[place] = &discoveryv3.Resource{
		Name:     p.clusters[place].Name,
		Version:  base64.RawURLEncoding.EncodeToString(sum[:12]),
		Resource: &anypb.Any{TypeUrl: clusterType, Value: body},
	}
	return nil
}

func (p *passthrough) push(count int) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, place := range p.change(count) {
		if err := p.encode(place); err != nil {
			return err
		}
	}
	clear(p.memo)
	for wake := range p.waiting {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// since returns the message that brings a stream from its position to now, and the position it is in then; no message when it is there.
func (p *passthrough) since(from position) ([]byte, position) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	to := position{delta: from.delta, generation: generation.Load()}
	if from == to {
		return nil, to
	}
	message, known := p.memo[from]
	if !known {
		message = p.encodeSince(from)
		p.memo[from] = message
	}
	return message, to
}

func (p *passthrough) encodeSince(from position) []byte {
	nonce := strconv.FormatInt(generation.Load(), 10)
	var message proto.Message
	if from.delta {
		var changed []*discoveryv3.Resource
		for place, resource := range p.encoded {
			if p.changedIn[place] > from.generation {
				changed = append(changed, resource)
			}
		}
		message = &discoveryv3.DeltaDiscoveryResponse{TypeUrl: clusterType, Nonce: nonce, Resources: changed}
	} else {
		all := make([]*anypb.Any, len(p.encoded))
		for place, resource := range p.encoded {
			all[place] = resource.Resource
		}
		message = &discoveryv3.DiscoveryResponse{TypeUrl: clusterType, Nonce: nonce, VersionInfo: nonce, Resources: all}
	}
	encoded, err := proto.Marshal(message)
	check(err)
	return encoded
}

// known tells whether a proxy that connects again has everything.
func (p *passthrough) known(versions map[string]string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	current := make(map[string]string, len(p.encoded))
	for _, resource := range p.encoded {
		current[resource.Name] = resource.Version
	}
	return maps.Equal(versions, current)
}

func (p *passthrough) run(stream grpc.ServerStream, delta bool) error {
	var first []byte
	if err := stream.RecvMsg(&first); err != nil {
		return err
	}
	at := position{delta: delta}
	if delta {
		var request discoveryv3.DeltaDiscoveryRequest
		if err := proto.Unmarshal(first, &request); err != nil {
			return err
		}
		if p.known(request.InitialResourceVersions) {
			at.generation = generation.Load()
		}
	}
	streams.Add(1)
	defer streams.Add(-1)
	wake := make(chan struct{}, 1)
	p.follow(wake)
	defer p.leave(wake)
	answers := make(chan struct{}, 1)
	go func() {
		var request []byte
		for stream.RecvMsg(&request) == nil {
			select {
			case answers <- struct{}{}:
			case <-stream.Context().Done():
			}
		}
	}()
	gone := stream.Context().Done()
	// At most one message is unanswered.
	for {
		message, next := p.since(at)
		at = next
		due := wake
		if message != nil {
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
			due = nil
		}
		select {
		case <-answers:
		case <-due:
		case <-gone:
			return nil
		}
	}
}

func (p *passthrough) follow(wake chan struct{}) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.waiting[wake] = struct{}{}
}

func (p *passthrough) leave(wake chan struct{}) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.waiting, wake)
}

func (p *passthrough) register(server *grpc.Server) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "envoy.service.discovery.v3.AggregatedDiscoveryService",
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{
			{StreamName: "DeltaAggregatedResources", ServerStreams: true, ClientStreams: true,
				Handler: func(_ any, stream grpc.ServerStream) error { return p.run(stream, true) }},
			{StreamName: "StreamAggregatedResources", ServerStreams: true, ClientStreams: true,
				Handler: func(_ any, stream grpc.ServerStream) error { return p.run(stream, false) }},
		},
	}, p)
}

func (p *passthrough) options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ForceServerCodecV2(asIs{}), grpc.SharedWriteBuffer(true)}
}

// asIs is a codec for messages that are bytes already.
type asIs struct{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (asIs) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}
