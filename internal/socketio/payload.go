package socketio

import (
	"bytes"
	"encoding/base64"
	"fmt"
)

// separator stands between the packets of one polling body.
const separator = 0x1e

// maxPacketsPerPayload bounds the packets of one polling body, because an
// empty heartbeat costs two bytes on the wire and far more here.
const maxPacketsPerPayload = 1 << 16

// splitPayload reads a polling body: packets joined by 0x1e, those beginning
// with b being base64 attachments (reference/socketio.md, client 3).
func splitPayload(body []byte) ([]enginePacket, error) {
	n := bytes.Count(body, []byte{separator}) + 1
	if n > maxPacketsPerPayload {
		return nil, fmt.Errorf("%w: %d packets in one body", ErrMalformed, n)
	}
	packets := make([]enginePacket, 0, n)
	for {
		text, rest, more := bytes.Cut(body, []byte{separator})
		p, err := parsePayloadPacket(text)
		if err != nil {
			return nil, err
		}
		packets = append(packets, p)
		if !more {
			return packets, nil
		}
		body = rest
	}
}

func parsePayloadPacket(text []byte) (enginePacket, error) {
	if len(text) == 0 || text[0] != 'b' {
		return parseEnginePacket(text)
	}
	encoded := bytes.TrimRight(text[1:], "=")
	data := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
	n, err := base64.RawStdEncoding.Decode(data, encoded)
	if err != nil {
		return enginePacket{}, fmt.Errorf("%w: attachment is not base64", ErrMalformed)
	}
	return enginePacket{kind: engineMessage, data: data[:n], binary: true}, nil
}

// joinPayload is the polling body of packets in their text form.
func joinPayload(texts [][]byte) []byte {
	return bytes.Join(texts, []byte{separator})
}
