package main

import (
	"os"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"

type cluster = clusterv3.Cluster

// readClusters takes what the measured server serves, so that all send the same bytes.
func readClusters(file string) ([]*cluster, error) {
	encoded, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var response discoveryv3.DiscoveryResponse
	if err := proto.Unmarshal(encoded, &response); err != nil {
		return nil, err
	}
	clusters := make([]*cluster, len(response.Resources))
	for i, resource := range response.Resources {
		clusters[i] = &cluster{}
		if err := resource.UnmarshalTo(clusters[i]); err != nil {
			return nil, err
		}
	}
	return clusters, nil
}

// turn changes clusters one after the other, round and round.
type turn struct {
	clusters []*cluster
	next     int
}

// change replaces so many clusters by another edition of the same size, and returns their places.
func (t *turn) change(count int) []int {
	edition := generation.Add(1)
	places := make([]int, min(count, len(t.clusters)))
	for i := range places {
		changed := proto.CloneOf(t.clusters[t.next])
		changed.ConnectTimeout.Nanos = int32(300_000_000 + edition%600_000_000)
		t.clusters[t.next] = changed
		places[i] = t.next
		t.next = (t.next + 1) % len(t.clusters)
	}
	return places
}
