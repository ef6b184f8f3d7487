// Package archive is the file format of saved states of a cluster. It knows how a file is put together and whether it is whole; what
// the state in it means is for the package store.
//
// A file is a line with a mark and the version of the format; a line of JSON, the model.SnapshotInfo; the state in chunks, each with its
// length (4 bytes) before it, and a chunk of no length; the size of the state (8 bytes); and the SHA-256 of everything before. Numbers
// are big endian. Files are written and read as streams: neither takes more memory than a chunk.
package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// Version is the version of the format that this package writes, and the highest it reads.
const Version = 1

const (
	mark      = "heliosctl-snapshot "
	maxHeader = 64 << 10 // of each of the two lines
	maxChunk  = 1 << 20
	chunkSize = 256 << 10
)

// Writer writes an archive. Write takes the state in any pieces; without Close the archive is not whole.
type Writer struct {
	w      io.Writer
	sum    hash.Hash
	buffer []byte
	size   int64
	err    error // the first one; nothing is written after it
}

// NewWriter begins an archive. Of info the format, the size and the sum are set by the writer.
func NewWriter(w io.Writer, info model.SnapshotInfo) (*Writer, error) {
	info.Format, info.Bytes, info.SHA256 = Version, 0, ""
	header, err := json.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("cannot describe the snapshot: %w", err)
	}
	a := &Writer{sum: sha256.New(), buffer: make([]byte, 4, 4+chunkSize)}
	a.w = io.MultiWriter(a.sum, w)
	_, err = fmt.Fprintf(a.w, "%s%d\n%s\n", mark, Version, header)
	return a, err
}

// Write adds to the state.
func (a *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && a.err == nil {
		n := min(len(p), cap(a.buffer)-len(a.buffer))
		a.buffer, p = append(a.buffer, p[:n]...), p[n:]
		written += n
		if len(a.buffer) == cap(a.buffer) {
			a.err = a.flush()
		}
	}
	return written, a.err
}

// flush writes a chunk. Its length is kept free at the beginning of the buffer.
func (a *Writer) flush() error {
	n := len(a.buffer) - 4
	if n == 0 {
		return nil
	}
	binary.BigEndian.PutUint32(a.buffer, uint32(n))
	_, err := a.w.Write(a.buffer)
	a.buffer, a.size = a.buffer[:4], a.size+int64(n)
	return err
}

// Close ends the archive; it does not close what is below.
func (a *Writer) Close() error {
	if a.err == nil {
		a.err = a.flush()
	}
	if a.err != nil {
		return a.err
	}
	end := binary.BigEndian.AppendUint64(make([]byte, 4), uint64(a.size))
	if _, err := a.w.Write(end); err != nil {
		return err
	}
	_, err := a.w.Write(a.sum.Sum(nil)) // what it adds to the sum no longer counts
	return err
}

// Reader reads the state from an archive. It ends with io.EOF only after all of a file that is whole was read; everything read before
// is to be taken for damaged until then. Errors have the code CodeInvalid when the archive is to blame.
type Reader struct {
	r    *bufio.Reader
	sum  hash.Hash
	info model.SnapshotInfo
	left uint32 // of the chunk
	size int64
	err  error // how it ended
}

// NewReader begins to read an archive.
func NewReader(r io.Reader) (*Reader, error) {
	a := &Reader{r: bufio.NewReaderSize(r, maxHeader), sum: sha256.New()}
	line, err := a.line()
	if err != nil && !isEnd(err) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, readError(err)
	}
	text, ok := strings.CutPrefix(string(line), mark)
	version, badNumber := strconv.ParseUint(text, 10, 31)
	switch {
	case !ok && strings.HasPrefix(mark, string(line)) && isEnd(err) && len(line) > 0:
		return nil, damaged("it ends too early")
	case !ok || err == nil && badNumber != nil:
		return nil, model.Errorf(model.CodeInvalid, "this is not a snapshot of a heliosctl cluster")
	case err != nil:
		return nil, damaged("it ends too early")
	case version > Version:
		return nil, model.Errorf(model.CodeInvalid,
			"the snapshot was written by a newer heliosctl (format %d, this one reads up to %d); upgrade heliosctl", version, Version)
	case version < 1:
		return nil, damaged("there is no format %d", version)
	}
	return a, a.readInfo(int(version))
}

func (a *Reader) readInfo(version int) error {
	line, err := a.line()
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return damaged("its description is too long")
	case err != nil:
		return readError(err)
	}
	if err := json.Unmarshal(line, &a.info); err != nil {
		return damaged("its description cannot be read: %v", err)
	}
	a.info.Format, a.info.Bytes, a.info.SHA256 = version, 0, ""
	return nil
}

// line reads a line and returns it without its end, valid until the next read; with an error what there is of it.
func (a *Reader) line() ([]byte, error) {
	line, err := a.r.ReadSlice('\n')
	a.sum.Write(line)
	return bytes.TrimSuffix(line, []byte{'\n'}), err
}

// Info describes the archive. Bytes and SHA256 are known after io.EOF.
func (a *Reader) Info() model.SnapshotInfo { return a.info }

// Read reads from the state.
func (a *Reader) Read(p []byte) (int, error) {
	if a.err != nil || len(p) == 0 {
		return 0, a.err
	}
	if a.left == 0 {
		if a.err = a.nextChunk(); a.err != nil {
			return 0, a.err
		}
	}
	n, err := a.r.Read(p[:min(uint64(len(p)), uint64(a.left))])
	a.sum.Write(p[:n])
	a.left, a.size = a.left-uint32(n), a.size+int64(n)
	if err != nil && a.left > 0 {
		a.err = readError(err)
		return n, a.err
	}
	return n, nil
}

// nextChunk begins the next chunk; after the last one it checks the end of the file, and returns io.EOF.
func (a *Reader) nextChunk() error {
	var length [4]byte
	if err := a.full(length[:]); err != nil {
		return err
	}
	if a.left = binary.BigEndian.Uint32(length[:]); a.left > maxChunk {
		return damaged("it has a chunk of %d bytes", a.left)
	}
	if a.left > 0 {
		return nil
	}
	var size [8]byte
	if err := a.full(size[:]); err != nil {
		return err
	}
	sum := a.sum.Sum(nil)
	var want [sha256.Size]byte
	if err := a.full(want[:]); err != nil {
		return err
	}
	switch {
	case !bytes.Equal(sum, want[:]):
		return damaged("its checksum is wrong")
	case binary.BigEndian.Uint64(size[:]) != uint64(a.size):
		return damaged("its state has %d bytes instead of %d", a.size, binary.BigEndian.Uint64(size[:]))
	}
	if _, err := a.r.ReadByte(); !errors.Is(err, io.EOF) {
		if err != nil {
			return readError(err)
		}
		return damaged("there is something behind its end")
	}
	a.info.Bytes, a.info.SHA256 = a.size, hex.EncodeToString(sum)
	return io.EOF
}

func (a *Reader) full(p []byte) error {
	if _, err := io.ReadFull(a.r, p); err != nil {
		return readError(err)
	}
	a.sum.Write(p)
	return nil
}

// readError tells an archive that is cut off from one that cannot be read.
func readError(err error) error {
	if isEnd(err) {
		return damaged("it ends too early")
	}
	return fmt.Errorf("cannot read the snapshot: %w", err)
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func damaged(format string, args ...any) error {
	return model.Errorf(model.CodeInvalid, "the snapshot is damaged: %s; use another copy of it", fmt.Sprintf(format, args...))
}

// Copy copies an archive to w, bit by bit, and checks it on the way. What was written is a whole archive only when there is no error.
func Copy(w io.Writer, r io.Reader) (model.SnapshotInfo, error) {
	out := &copied{w: w}
	a, err := NewReader(io.TeeReader(r, out))
	if err == nil {
		_, err = io.Copy(io.Discard, a)
	}
	switch {
	case out.err != nil:
		return model.SnapshotInfo{}, fmt.Errorf("cannot write the snapshot: %w", out.err)
	case err != nil:
		return model.SnapshotInfo{}, err
	}
	return a.Info(), nil
}

// copied remembers that writing failed, which is not the archive's fault.
type copied struct {
	w   io.Writer
	err error
}

func (c *copied) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil {
		c.err = err
	}
	return n, err
}
