package main

import (
	"context"
	"strconv"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	serverv3 "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
)

// linear is go-control-plane's cache of one type of resources, which all proxies share.
type linear struct {
	turn
	mutex sync.Mutex
	cache *cache.LinearCache
}

func newLinear(clusters []*cluster) *linear {
	initial := make(map[string]types.Resource, len(clusters))
	for _, cluster := range clusters {
		initial[cluster.Name] = cluster
	}
	return &linear{turn: turn{clusters: clusters}, cache: cache.NewLinearCache(clusterType, cache.WithInitialResources(initial))}
}

func (l *linear) register(server *grpc.Server) { serveCache(server, l.cache) }
func (l *linear) options() []grpc.ServerOption { return nil }

func (l *linear) push(count int) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	updates := make(map[string]types.Resource, count)
	for _, place := range l.change(count) {
		updates[l.clusters[place].Name] = l.clusters[place]
	}
	return l.cache.UpdateResources(updates, nil)
}

// snapshot is go-control-plane's cache of whole configurations, here one that all proxies share.
type snapshot struct {
	turn
	mutex sync.Mutex
	cache cache.SnapshotCache
}

type oneGroup struct{}

func (oneGroup) ID(*corev3.Node) string { return "all" }

func newSnapshot(clusters []*cluster) (*snapshot, error) {
	s := &snapshot{turn: turn{clusters: clusters}, cache: cache.NewSnapshotCache(true, oneGroup{}, nil)}
	return s, s.publish()
}

func (s *snapshot) register(server *grpc.Server) { serveCache(server, s.cache) }
func (s *snapshot) options() []grpc.ServerOption { return nil }

func (s *snapshot) push(count int) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.change(count)
	return s.publish()
}

func (s *snapshot) publish() error {
	resources := make([]types.Resource, len(s.clusters))
	for i, cluster := range s.clusters {
		resources[i] = cluster
	}
	version := strconv.FormatInt(generation.Load(), 10)
	next, err := cache.NewSnapshot(version, map[string][]types.Resource{clusterType: resources})
	if err != nil {
		return err
	}
	return s.cache.SetSnapshot(context.Background(), "all", next)
}

func serveCache(server *grpc.Server, config cache.Cache) {
	counting := serverv3.CallbackFuncs{
		StreamRequestFunc: func(_ int64, request *discoveryv3.DiscoveryRequest) error {
			countFirst(request.ResponseNonce)
			return nil
		},
		StreamDeltaRequestFunc: func(_ int64, request *discoveryv3.DeltaDiscoveryRequest) error {
			countFirst(request.ResponseNonce)
			return nil
		},
		StreamClosedFunc:      func(int64, *corev3.Node) { streams.Add(-1) },
		DeltaStreamClosedFunc: func(int64, *corev3.Node) { streams.Add(-1) },
	}
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, serverv3.NewServer(context.Background(), config, counting))
}

// countFirst counts a stream at its only request that answers nothing.
func countFirst(nonce string) {
	if nonce == "" {
		streams.Add(1)
	}
}
