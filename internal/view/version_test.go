package view

import (
	"runtime/debug"
	"testing"
)

func TestVersionFromBuildInfo(t *testing.T) {
	t.Parallel()
	settings := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.time", Value: "2026-11-30T08:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}
	v := NewVersion(&debug.BuildInfo{GoVersion: "go1.26.11", Main: debug.Module{Version: "v1.2.3"}, Settings: settings})
	if v.Version != "1.2.3" || v.Commit == nil || *v.Commit != "0123456789ab+changes" || v.Date == nil || *v.Date != "2026-11-30T08:00:00Z" || v.SQLite == "" {
		t.Errorf("tagged build: %+v", v)
	}
	for _, info := range []*debug.BuildInfo{nil, {}, {Main: debug.Module{Version: "(devel)"}}} {
		if v := NewVersion(info); v.Version != "dev" || v.Commit != nil || v.Date != nil {
			t.Errorf("build without information: %+v", v)
		}
	}
}
