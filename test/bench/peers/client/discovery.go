package main

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"

// firstRequest asks for all clusters, and names what the proxy has.
func firstRequest(s *stream) []byte {
	node := &corev3.Node{Id: s.id, Cluster: "bench", UserAgentName: "envoy"}
	var request proto.Message = &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: clusterType, InitialResourceVersions: s.versions}
	if s.fleet.sotw {
		request = &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: clusterType}
	}
	encoded, err := proto.Marshal(request)
	check(err)
	return encoded
}

// response is what is read of either kind of response; both use the same numbers for these fields.
type response struct {
	version, nonce []byte
	resources      int
}

var errMalformed = errors.New("malformed response")

func readResponse(message []byte, s *stream) (response, error) {
	var read response
	for len(message) > 0 {
		number, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return read, errMalformed
		}
		message = message[length:]
		if kind != protowire.BytesType {
			if length = protowire.ConsumeFieldValue(number, kind, message); length < 0 {
				return read, errMalformed
			}
			message = message[length:]
			continue
		}
		value, length := protowire.ConsumeBytes(message)
		if length < 0 {
			return read, errMalformed
		}
		message = message[length:]
		switch number {
		case 1:
			read.version = value
		case 2:
			read.resources++
			if !s.fleet.sotw {
				s.remember(value)
			}
		case 5:
			read.nonce = value
		}
	}
	return read, nil
}

// remember the version of a resource (Resource: version 1, name 3).
func (s *stream) remember(resource []byte) {
	var name, version []byte
	for len(resource) > 0 {
		number, kind, length := protowire.ConsumeTag(resource)
		if length < 0 || kind != protowire.BytesType {
			return
		}
		value, size := protowire.ConsumeBytes(resource[length:])
		if size < 0 {
			return
		}
		resource = resource[length+size:]
		switch number {
		case 1:
			version = value
		case 3:
			name = value
		}
	}
	s.versions[string(name)] = string(version)
}

// answerTo acknowledges (DeltaDiscoveryRequest: type_url 2, response_nonce 6; DiscoveryRequest: version_info 1, type_url 4, response_nonce 5).
func answerTo(s *stream, read response) []byte {
	answer := make([]byte, 0, 128)
	field := func(number protowire.Number, value []byte) {
		answer = protowire.AppendBytes(protowire.AppendTag(answer, number, protowire.BytesType), value)
	}
	if s.fleet.sotw {
		field(1, read.version)
		field(4, []byte(clusterType))
		field(5, read.nonce)
	} else {
		field(2, []byte(clusterType))
		field(6, read.nonce)
	}
	return answer
}
