package listen

import (
	"os"
	"strings"
	"sync"
	"time"
)

// room counts what is in a spill directory, against its limits. Other listeners
// put files there and take them away, so that only the directory itself knows:
// between two countings, only what this listener puts is added.
type room struct {
	dir      string
	most     int
	mostSize int64

	mu    sync.Mutex
	files int
	bytes int64
	// coming are the files being put, with their sizes, which may be in the
	// directory already or not.
	coming map[string]int64
	// full is when a counting last found no room.
	full time.Time
}

// fullFor is how long a counting without room holds: with callbacks pouring into
// a full directory, one each would take all of the time there is.
const fullFor = 100 * time.Millisecond

func (r *room) held() (files int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files, r.bytes
}

// take makes room for a file, until settle is told what became of it.
func (r *room) take(name string, size int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fits(size) {
		if time.Since(r.full) < fullFor {
			return false
		}
		r.recountLocked()
		if !r.fits(size) {
			r.full = time.Now()
			return false
		}
	}
	r.coming[name] = size
	return true
}

func (r *room) fits(size int64) bool {
	files, bytes := r.files+len(r.coming), r.bytes+size
	for _, more := range r.coming {
		bytes += more
	}
	return files < r.most && bytes <= r.mostSize
}

// settle ends a take; kept says that the file is in the directory.
func (r *room) settle(name string, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept {
		r.files++
		r.bytes += r.coming[name]
	}
	delete(r.coming, name)
}

// recount counts the directory's complete files.
func (r *room) recount() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recountLocked()
}

// recountLocked leaves the count as it was when the directory cannot be read.
// Files that are being put are left to settle.
func (r *room) recountLocked() {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	// One that changed its name while the directory was read may be there twice.
	found := map[string]int64{}
	for _, e := range entries {
		name, complete := strings.CutSuffix(strings.TrimSuffix(e.Name(), suffixTaking), suffixSpilled)
		if _, coming := r.coming[name]; coming || !complete || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			found[name] = info.Size()
		}
	}
	r.files, r.bytes = len(found), 0
	for _, size := range found {
		r.bytes += size
	}
}
