# Sourced by the programs of this folder: where the node's parts are kept, and what its image is made of. Root only.
[ "$(id -u)" = 0 ] || { echo "run this as root: the image is made with debootstrap and chroot" >&2; exit 1; }
export PATH=$PATH:/usr/sbin:/sbin
node_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$node_scripts/../.." && pwd)
# Kernel, image and the disks of running nodes; a few gigabytes, on a real file system.
node_home=${SWIFTLET_NODE_HOME:-/var/tmp/swiftlet-node}
node_suite=bookworm
node_packages=(
    systemd systemd-sysv dbus udev kmod procps iproute2 iptables nftables conntrack ethtool socat netcat-openbsd ca-certificates
    runc crun conmon containernetworking-plugins criu apparmor
    libarchive13 libisal2 libseccomp2 libsqlite3-0 libsystemd0 libzstd1 zlib1g libstdc++6 liblzma5
    busybox-static docker-registry etcd-server curl jq openssl sudo tzdata strace python3-minimal gpg
)
# What a boot with SELinux needs beside; the policy lies idle in the others.
node_packages+=(selinux-policy-default policycoreutils selinux-utils attr)

node_kernel=$node_home/linux
node_image=$node_home/root.img
