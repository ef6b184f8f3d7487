package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/heliosctl/heliosctl/model"
)

var testInfo = model.SnapshotInfo{ClusterID: "c1", Index: 7, Term: 2, Version: "1.2.3", Created: 1000}

func write(t testing.TB, info model.SnapshotInfo, state []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	a, err := NewWriter(&out, info)
	if err != nil {
		t.Fatal(err)
	}
	for rest := state; len(rest) > 0; {
		n := min(len(rest), 70_001)
		if _, err := a.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(r io.Reader) ([]byte, model.SnapshotInfo, error) {
	a, err := NewReader(r)
	if err != nil {
		return nil, model.SnapshotInfo{}, err
	}
	state, err := io.ReadAll(a)
	return state, a.Info(), err
}

func stateOf(size int) []byte {
	random, state := rand.New(rand.NewPCG(1, 2)), make([]byte, size)
	for i := range state {
		state[i] = byte(random.Uint32())
	}
	return state
}

func TestStateComesBack(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 5} {
		state := stateOf(size)
		file := write(t, testInfo, state)
		for name, r := range map[string]io.Reader{
			"at once": bytes.NewReader(file), "in halves": iotest.HalfReader(bytes.NewReader(file)), "with the end": iotest.DataErrReader(bytes.NewReader(file)),
		} {
			got, info, err := read(r)
			want := testInfo
			sum := sha256.Sum256(file[:len(file)-sha256.Size])
			want.Format, want.Bytes, want.SHA256 = Version, int64(size), fmt.Sprintf("%x", sum)
			if err != nil || !bytes.Equal(got, state) || info != want {
				t.Errorf("%d bytes %s: %v, %d bytes came back, %+v, want %+v", size, name, err, len(got), info, want)
			}
		}
		var out bytes.Buffer
		if info, err := Copy(&out, bytes.NewReader(file)); err != nil || !bytes.Equal(out.Bytes(), file) || info.Bytes != int64(size) {
			t.Errorf("a copy of %d bytes: %v, %+v", size, err, info)
		}
	}
}

func TestEveryCutIsNoticed(t *testing.T) {
	file := write(t, testInfo, stateOf(100))
	for n := range file {
		_, err := Copy(io.Discard, bytes.NewReader(file[:n]))
		want := "it ends too early"
		if n == 0 {
			want = "this is not a snapshot"
		}
		if model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(file), err)
		}
	}
}

func TestEveryChangedBitIsNoticed(t *testing.T) {
	file := write(t, testInfo, stateOf(50))
	for i := range file {
		for bit := range 8 {
			changed := bytes.Clone(file)
			changed[i] ^= 1 << bit
			if _, err := Copy(io.Discard, bytes.NewReader(changed)); model.CodeOf(err) != model.CodeInvalid {
				t.Fatalf("bit %d of byte %d of %d changed: %v", bit, i, len(file), err)
			}
		}
	}
}

func TestOtherFiles(t *testing.T) {
	file := string(write(t, testInfo, stateOf(50)))
	for name, test := range map[string]struct{ file, want string }{
		"empty":         {"", "this is not a snapshot"},
		"text":          {"hello\n", "this is not a snapshot"},
		"a long line":   {strings.Repeat("x", 1<<20), "this is not a snapshot"},
		"a newer one":   {strings.Replace(file, " 1\n", " 2\n", 1), "newer heliosctl (format 2, this one reads up to 1); upgrade"},
		"no version":    {strings.Replace(file, " 1\n", " x\n", 1), "this is not a snapshot"},
		"garbage after": {file + "x", "there is something behind its end"},
		"twice":         {file + file, "there is something behind its end"},
		"a long header": {mark + "1\n{" + strings.Repeat(" ", 1<<20), "description is too long"},
		"no JSON":       {mark + "1\nhello\n", "description cannot be read"},
		"a huge chunk":  {mark + "1\n{}\n\xff\xff\xff\xff", "a chunk of 4294967295 bytes"},
	} {
		_, err := Copy(io.Discard, strings.NewReader(test.file))
		if model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestFailuresOfOthersAreNotTheArchives(t *testing.T) {
	file := write(t, testInfo, stateOf(3*chunkSize))
	broken := errors.New("broken")
	for _, n := range []int{0, 3, 30, 300, chunkSize, len(file) - 1, len(file)} {
		_, err := Copy(io.Discard, io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || model.CodeOf(err) == model.CodeInvalid {
			t.Errorf("reading broke after %d bytes: %v", n, err)
		}
	}
	if _, err := Copy(&full{room: chunkSize, err: broken}, bytes.NewReader(file)); !errors.Is(err, broken) || !strings.Contains(err.Error(), "cannot write") {
		t.Errorf("the copy could not be written: %v", err)
	}
	a, err := NewWriter(&full{room: chunkSize, err: broken}, testInfo)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(stateOf(2 * chunkSize)); !errors.Is(err, broken) || !errors.Is(a.Close(), broken) {
		t.Errorf("the archive could not be written: %v, %v", err, a.Close())
	}
}

// full is a disk with so much room.
type full struct {
	room int
	err  error
}

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// FuzzRead feeds anything to the reader: it ends, and what it takes for whole it takes for whole again.
func FuzzRead(f *testing.F) {
	file := write(f, testInfo, stateOf(30))
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(append(bytes.Clone(file), 'x'))
	f.Add([]byte(mark + "2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, info, err := read(bytes.NewReader(data))
		if err != nil {
			if model.CodeOf(err) != model.CodeInvalid {
				t.Fatalf("the archive is not to blame: %v", err)
			}
			return
		}
		if int64(len(state)) != info.Bytes {
			t.Fatalf("%d bytes were read of %d", len(state), info.Bytes)
		}
		again, _, err := read(bytes.NewReader(write(t, info, state)))
		if err != nil || !bytes.Equal(again, state) {
			t.Fatalf("written again it is another: %v", err)
		}
	})
}
