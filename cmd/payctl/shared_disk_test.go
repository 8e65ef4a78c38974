//go:build unix

package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestSharedDiskFull fills the disk that the server keeps deliveries on, under load, and
// makes room again: Daraja's callbacks are kept on the listener's machine meanwhile.
func TestSharedDiskFull(t *testing.T) {
	t.Parallel()
	server, place := ownServer(t)
	if runtime.GOOS != "linux" {
		t.Skip("needs a small tmpfs")
	}
	disk := filepath.Join(server.Dir(), "disk")
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "payctl-test", disk)
	if err := server.MakeDir("disk"); err != nil {
		t.Fatal(err)
	}
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	if err := server.MakeDir("disk/small"); err != nil {
		t.Fatal(err)
	}
	on(t, server, "CREATE TABLESPACE small LOCATION '"+disk+"/small'", "ALTER TABLE deliveries SET TABLESPACE small")
	a, b := newMachine(t, place).serve(), newMachine(t, place).serve()
	p := newPostings(t, place, 500, a, b)
	p.begin(6, 2)
	for deadline := time.Now().Add(patience); len(a.spilled()) == 0 || len(b.spilled()) == 0; p.pause(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the disk is never full")
		}
	}
	before, _ := p.counts("daraja")
	p.pause(lasting(time.Second, 5*time.Second))
	after, _ := p.counts("daraja")
	_, refused := p.counts("wasaapay")
	t.Logf("disk full: %d of Daraja's acknowledged meanwhile, %d files spilled, %d of WasaaPay's refused", after-before, len(a.spilled())+len(b.spilled()), refused)
	if after == before || refused == 0 {
		t.Error("Daraja's are to be acknowledged, WasaaPay's refused")
	}
	if out, err := exec.Command("mount", "-o", "remount,size=500m", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.pause(500 * time.Millisecond)
	p.end()
	quiet(t, place, a, b)
	p.hold(place)
	p.settled(place)
}
