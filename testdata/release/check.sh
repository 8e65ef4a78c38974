#!/bin/sh
# Checks what "make snapshot" has left in dist/: the deb installs and works in a scratch
# root, every archive has what it should, and the same commit gives the same bytes.
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

ls dist/checksums.txt dist/payctl_*.cdx.json dist/payctl_*.deb dist/payctl_*.rpm dist/payctl_*.apk >/dev/null
(cd dist && sha256sum --quiet -c checksums.txt)
for archive in dist/payctl_*_linux_amd64.tar.gz; do
  list=$(tar -tzf "$archive")
  for wanted in payctl README.md completions/payctl.bash man/payctl.1 man/payctl-deposit-create.1; do
    echo "$list" | grep -qx "$wanted" || { echo "$archive: $wanted is missing"; exit 1; }
  done
done

if command -v dpkg >/dev/null; then
  mkdir -p "$root/deb/var/lib/dpkg/info" "$root/deb/var/lib/dpkg/updates"
  : >"$root/deb/var/lib/dpkg/status"
  dpkg --root="$root/deb" --force-not-root --force-bad-path -i dist/payctl_*_linux_amd64.deb >/dev/null
  payctl=$root/deb/usr/bin/payctl
  "$payctl" version
  "$payctl" demo --help >/dev/null
  printf '%s' '{"id":"evt_1"}' >"$root/body.json"
  for file in man/man1/payctl.1 bash-completion/completions/payctl zsh/vendor-completions/_payctl fish/vendor_completions.d/payctl.fish doc/payctl/README.md; do
    ls "$root/deb/usr/share/$file" >/dev/null
  done
  HOME=$root "$payctl" explain daraja 1032 | grep -q 1032
else
  echo "dpkg is not here: the deb was not installed"
fi

# The same sources built at another path.
git ls-files -z | xargs -0 cp --parents -t "$root" 2>/dev/null || git ls-files | cpio -pdm "$root" 2>/dev/null
(cd "$root" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -trimpath -ldflags "-s -w" -o one ./cmd/payctl)
CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -trimpath -ldflags "-s -w" -o "$root/two" ./cmd/payctl
cmp "$root/one" "$root/two"
echo "release files are whole, and the same from another place"
