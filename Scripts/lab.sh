# Sourced by demo and bench: a registry and a daemon on this machine, with everything of theirs beneath $lab. Root only.
[ "$(id -u)" = 0 ] || { echo "run this as root: pods need namespaces, mounts and cgroups" >&2; exit 1; }
export PATH=$PATH:/usr/sbin:/sbin
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release=$scripts/../.build/release
lab=$(mktemp -d /var/tmp/swiftlet-lab.XXXXXX)
started=()

# Ends what was started here, the last first, and removes every trace.
lab_down() {
    local index pid
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        pid=${started[index]}
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    ip link del "$bridge" 2>/dev/null || true
    ip link del "$peer_bridge" 2>/dev/null || true
    # Nothing ought to be mounted here by now; what is, must not be removed through.
    awk -v lab="$lab/" 'index($5, lab) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l
    rm -rf "$lab"
}
bridge=swl$$ peer_bridge=swp$$
trap lab_down EXIT

# free_port: a loopback port that nothing listens on.
free_port() {
    local port
    while port=$((20000 + RANDOM % 20000)); do
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# until_done SECONDS COMMAND...: tries until it succeeds.
until_done() {
    local tries=$(($1 * 50)); shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || { echo "gave up on: $*" >&2; return 1; }
        sleep 0.02
    done
}

# start_registry [DIR]: docker-registry, its content beneath DIR; sets $registry.
start_registry() {
    local port content=${1:-$lab/registry}
    port=$(free_port)
    registry=127.0.0.1:$port
    printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: "%s"}\n' \
        "$content" "$registry" >"$lab/registry.yml"
    docker-registry serve "$lab/registry.yml" >"$lab/registry.log" 2>&1 </dev/null &
    started+=($!)
    until_done 10 curl -sf "http://$registry/v2/"
}

# write_network DIR BRIDGE SUBNET: a CNI network of one bridge.
write_network() {
    mkdir -p "$1"
    cat >"$1/10-lab.conflist" <<EOF
{"cniVersion": "0.4.0", "name": "lab-$2", "plugins": [
  {"type": "bridge", "bridge": "$2", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$1/addresses", "ranges": [[{"subnet": "$3"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
EOF
    sysctl -qw net.ipv4.ip_forward=1
}

# start_swiftlet: the release build, with everything beneath $lab/swiftlet; sets $swiftlet_socket and $swiftlet_pid.
start_swiftlet() {
    local home=$lab/swiftlet
    mkdir -p "$home"
    write_network "$home/net.d" "$bridge" 10.178.0.0/16
    cp "$scripts/../contrib/policy.json" "$home/policy.json"
    cat >"$home/swiftlet.conf" <<EOF
[crio.runtime]
cgroup_manager = "cgroupfs"
[crio.image]
insecure_registries = ["$registry"]
signature_policy = "$home/policy.json"
[crio.network]
network_dir = "$home/net.d"
plugin_dirs = ["/opt/cni/bin", "/usr/lib/cni"]
EOF
    swiftlet_socket=$home/swiftlet.sock
    "$release/swiftlet" serve --config "$home/swiftlet.conf" \
        --config-dir "$home/swiftlet.conf.d" --root "$home/root" --runroot "$home/run" --listen "$swiftlet_socket" \
        >"$home/log" 2>&1 </dev/null &
    swiftlet_pid=$!
    started+=("$swiftlet_pid")
    until_done 10 test -S "$swiftlet_socket" || { cat "$home/log" >&2; return 1; }
}

# start_containerd: Debian's, with everything beneath $lab/containerd; sets $containerd_socket and $containerd_pid.
# Needs an image named pause in the registry.
start_containerd() {
    local home=$lab/containerd
    mkdir -p "$home"
    write_network "$home/net.d" "$peer_bridge" 10.179.0.0/16
    containerd_socket=$home/containerd.sock
    cat >"$home/config.toml" <<EOF
version = 2
root = "$home/root"
state = "$home/state"
[grpc]
  address = "$containerd_socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$registry/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$home/net.d"
EOF
    containerd --config "$home/config.toml" >"$home/log" 2>&1 </dev/null &
    containerd_pid=$!
    started+=("$containerd_pid")
    until_done 10 ctr --address "$containerd_socket" version || { tail "$home/log" >&2; return 1; }
}
