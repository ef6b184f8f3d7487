package model

// This file holds what travels when somebody reads the output of a job or runs a command in its container. Both are sessions: a
// connection between the one who asks and the agent, made of frames.
//
// A frame is one byte for its type, four bytes for the length of its payload (big endian), and the payload. What each type's payload
// is stands beside its constant. Frames of unknown types are skipped.
//
// A session of logs:
//
//	agent   ready
//	agent   lines …
//	agent   exit, or error
//
// A session of a command:
//
//	agent   ready
//	client  start
//	client  stdin …, resize …, stdinEnd        in any order, as they come
//	agent   stdout …, stderr …
//	agent   exit, or error
//
// Instead of ready the agent can send error at once. After exit or error the other side closes the connection. Both sides send pings
// all the time; one that has heard nothing for a while takes the other for gone.

import (
	"encoding/binary"
	"encoding/json"
	"io"
)

// SessionProtocol is what the Upgrade header of a session says.
const SessionProtocol = "heliosctl-session/1"

// SessionKind says what a session is for.
type SessionKind string

// The kinds of sessions.
const (
	SessionLogs SessionKind = "logs"
	SessionExec SessionKind = "exec"
)

// SessionRequest asks an agent for a session, on the stream of its tasks. The agent calls the master back under
// /v1/agents/{host}/sessions/{id}.
type SessionRequest struct {
	ID     string      `json:"id"` // not to be guessed: whoever knows it can answer in the agent's place
	Kind   SessionKind `json:"kind"`
	JobID  JobID       `json:"jobId"`
	Master string      `json:"master,omitempty"` // URL of the master that waits for the call; "": the one that the agent speaks to
	Logs   *LogQuery   `json:"logs,omitempty"`   // of SessionLogs
}

// FrameType tells frames apart.
type FrameType byte

// The types of frames. JSON payloads may get more members.
const (
	FramePing     FrameType = 0  // nothing; to show that one is there
	FrameReady    FrameType = 1  // nothing; the agent can do what was asked
	FrameStart    FrameType = 2  // ExecStart as JSON
	FrameStdin    FrameType = 3  // bytes
	FrameStdinEnd FrameType = 4  // nothing; no more input
	FrameResize   FrameType = 5  // TerminalSize as JSON
	FrameStdout   FrameType = 6  // bytes; of a terminal, all output
	FrameStderr   FrameType = 7  // bytes
	FrameLines    FrameType = 8  // LogLines as JSON, each with a line break after it
	FrameExit     FrameType = 9  // ExecExit as JSON; all went well, as far as the session is concerned
	FrameError    FrameType = 10 // Error as JSON; it did not
)

// Frame is one message of a session.
type Frame struct {
	Type    FrameType
	Payload []byte
}

// MaxFrame bounds the payload of a frame, in bytes.
const MaxFrame = 1 << 20

const frameHeader = 5

// AppendFrame appends a frame and returns the extended slice.
func AppendFrame(dst []byte, t FrameType, payload []byte) []byte {
	dst = append(dst, byte(t))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	return append(dst, payload...)
}

// ReadFrame reads the next frame. The end between two frames is io.EOF, that within one io.ErrUnexpectedEOF; a payload that is too
// large has CodeTooLarge.
func ReadFrame(r io.Reader) (Frame, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Frame{}, err
	}
	size := binary.BigEndian.Uint32(header[1:])
	if size > MaxFrame {
		return Frame{}, Errorf(CodeTooLarge, "a frame of %d bytes: this is not a session, or of a version that is not known", size)
	}
	frame := Frame{Type: FrameType(header[0])}
	if size == 0 {
		return frame, nil
	}
	frame.Payload = make([]byte, size)
	if _, err := io.ReadFull(r, frame.Payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return frame, nil
}

// ErrorOf returns the Error in the payload of a FrameError. It is never nil.
func (f Frame) ErrorOf() *Error {
	failure := &Error{}
	if err := json.Unmarshal(f.Payload, failure); err != nil || failure.Code == "" {
		return Errorf(CodeInternal, "the agent failed without a reason that can be read")
	}
	return failure
}

// ExecStart says what to run in a container.
type ExecStart struct {
	Command  []string      `json:"command"`
	Terminal *TerminalSize `json:"terminal,omitempty"` // nil: the command gets no terminal
	Term     string        `json:"term,omitempty"`     // the kind of terminal, as in the variable TERM
}

// TerminalSize is the size of a terminal in characters.
type TerminalSize struct {
	Rows    uint16 `json:"rows"`
	Columns uint16 `json:"columns"`
}

// ExecExit says how a command ended: its exit code, 128 + n after signal n.
type ExecExit struct {
	Code int `json:"code"`
}
