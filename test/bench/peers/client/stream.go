package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// window is what Envoy has given for long, for a stream and for a connection.
const window = 256 << 20

// stream is one proxy: a TCP connection with one HTTP/2 stream.
type stream struct {
	fleet    *fleet
	id       string
	received atomic.Int64
	// versions by name; written by the stream alone.
	versions map[string]string

	connection net.Conn
	framer     *http2.Framer
	closing    atomic.Bool
	ended      chan struct{}
	// message is the beginning of one that is not complete.
	message []byte
	// sendable bytes by the server's flow control: of the connection, of the stream.
	sendable [2]int64
	// unacknowledged bytes of our windows.
	unacknowledged uint32
}

func (s *stream) run() {
	s.ended = make(chan struct{})
	defer close(s.ended)
	if err := s.serve(); err != nil && !s.closing.Load() {
		log.Fatalf("client: %s: %v", s.id, err)
	}
}

// close ends the connection and waits until it has.
func (s *stream) close() {
	s.closing.Store(true)
	s.connection.Close()
	<-s.ended
	s.closing.Store(false)
}

func (s *stream) serve() error {
	if err := s.open(); err != nil {
		return err
	}
	for {
		frame, err := s.framer.ReadFrame()
		if err != nil {
			return err
		}
		if err := s.take(frame); err != nil {
			return err
		}
	}
}

func (s *stream) dial() (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience}
	if !s.fleet.tls {
		return dialer.Dial("tcp", s.fleet.address)
	}
	s.fleet.handshakes <- struct{}{}
	defer func() { <-s.fleet.handshakes }()
	return tls.DialWithDialer(&dialer, "tcp", s.fleet.address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
}

func (s *stream) open() error {
	connection, err := s.dial()
	if err != nil {
		return err
	}
	s.connection = connection
	s.message, s.unacknowledged, s.sendable = nil, 0, [2]int64{65535, 65535}
	// What is written is gathered, and sent when all of it is there.
	var first bytes.Buffer
	first.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&first, nil)
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	_ = framer.WriteWindowUpdate(0, window-65535)
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: s.headers(), EndHeaders: true})
	_ = framer.WriteData(1, false, s.frameMessage(firstRequest(s)))
	if _, err := connection.Write(first.Bytes()); err != nil {
		return err
	}
	s.framer = http2.NewFramer(connection, bufio.NewReaderSize(connection, 4096))
	s.framer.SetReuseFrames()
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return nil
}

func (s *stream) headers() []byte {
	method := "DeltaAggregatedResources"
	if s.fleet.sotw {
		method = "StreamAggregatedResources"
	}
	scheme := "http"
	if s.fleet.tls {
		scheme = "https"
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: "/envoy.service.discovery.v3.AggregatedDiscoveryService/" + method},
		{Name: "te", Value: "trailers"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "authorization", Value: "Bearer " + s.id},
	} {
		_ = encoder.WriteField(field)
	}
	return block.Bytes()
}

func (s *stream) take(frame http2.Frame) error {
	switch frame := frame.(type) {
	case *http2.DataFrame:
		return s.takeData(frame)
	case *http2.SettingsFrame:
		return s.takeSettings(frame)
	case *http2.WindowUpdateFrame:
		s.sendable[frame.StreamID&1] += int64(frame.Increment)
	case *http2.PingFrame:
		if !frame.IsAck() {
			return s.framer.WritePing(true, frame.Data)
		}
	case *http2.MetaHeadersFrame:
		for _, field := range frame.Fields {
			if field.Name == ":status" && field.Value != "200" || field.Name == "grpc-status" {
				return fmt.Errorf("refused: %v", frame.Fields)
			}
		}
	case *http2.GoAwayFrame:
		return fmt.Errorf("go away: %s %s", frame.ErrCode, frame.DebugData())
	case *http2.RSTStreamFrame:
		return fmt.Errorf("reset: %s", frame.ErrCode)
	}
	return nil
}

func (s *stream) takeSettings(frame *http2.SettingsFrame) error {
	if frame.IsAck() {
		return nil
	}
	if initial, ok := frame.Value(http2.SettingInitialWindowSize); ok {
		s.sendable[1] += int64(initial) - 65535
	}
	return s.framer.WriteSettingsAck()
}

func (s *stream) takeData(frame *http2.DataFrame) error {
	if s.unacknowledged += frame.Length; s.unacknowledged > window/2 {
		_ = s.framer.WriteWindowUpdate(0, s.unacknowledged)
		if err := s.framer.WriteWindowUpdate(1, s.unacknowledged); err != nil {
			return err
		}
		s.unacknowledged = 0
	}
	rest := frame.Data()
	if len(s.message) > 0 {
		s.message = append(s.message, rest...)
		rest = s.message
	}
	for len(rest) >= 5 && len(rest)-5 >= int(binary.BigEndian.Uint32(rest[1:5])) {
		end := 5 + int(binary.BigEndian.Uint32(rest[1:5]))
		if rest[0] != 0 {
			return errors.New("a compressed message")
		}
		if err := s.takeMessage(rest[5:end]); err != nil {
			return err
		}
		rest = rest[end:]
	}
	s.message = append(s.message[:0], rest...)
	if frame.StreamEnded() {
		return io.EOF
	}
	return nil
}

// takeMessage reads a response, says so if it completes what is expected, and answers it.
func (s *stream) takeMessage(message []byte) error {
	response, err := readResponse(message, s)
	if err != nil {
		return err
	}
	before := s.received.Load()
	after := before + int64(response.resources)
	s.received.Store(after)
	if expected := s.fleet.expected.Load(); before < expected && after >= expected {
		s.fleet.arrived()
	}
	answer := s.frameMessage(answerTo(s, response))
	for i := range s.sendable {
		if s.sendable[i] -= int64(len(answer)); s.sendable[i] < 0 {
			return errors.New("the server lets us send no more")
		}
	}
	return s.framer.WriteData(1, false, answer)
}

func (s *stream) frameMessage(message []byte) []byte {
	framed := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(framed[1:], uint32(len(message)))
	return append(framed, message...)
}
