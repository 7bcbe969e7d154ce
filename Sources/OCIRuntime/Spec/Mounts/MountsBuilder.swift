import CRI
import Linux
import OCI

/// A container's mounts: the kernel's file systems, the pod's files, then the request's, which win over both.
struct MountsBuilder {
    let request: SpecRequest
    let host: SpecHost
    let settings: SpecSettings
    /// Those that the configuration adds.
    var configured: [Spec.Mount] = []

    /// - Throws: `SpecError`.
    func build() throws(SpecError) -> [Spec.Mount] {
        let wanted = Set(request.mounts.map { Self.clean($0.mount.containerPath) })
        // A /dev or /sys of the request's own comes as it is, without ours below it.
        let replaced = ["/dev", "/sys"].filter(wanted.contains)
        let standard = (kernel() + pod() + writable()).filter { mount in
            !wanted.contains(mount.destination) && !replaced.contains { mount.destination.hasPrefix($0 + "/") }
        }
        var user = configured.filter { !wanted.contains($0.destination) }
        for mount in request.mounts { user.append(try bind(mount)) }
        // What lies deeper is mounted later; equals stay in their order.
        let sorted = user.enumerated().sorted { ($0.element.depth, $0.offset) < ($1.element.depth, $1.offset) }.map(\.element)
        return standard + sorted
    }

    private func kernel() -> [Spec.Mount] {
        let access = request.isPrivileged ? "rw" : "ro"
        var mounts = [
            proc(),
            Spec.Mount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            Spec.Mount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
                    + (hasTerminalGroup ? ["gid=5"] : [])),
            Spec.Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
            sys(access),
            Spec.Mount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                options: ["nosuid", "noexec", "nodev", "relatime", hasWritableCgroups ? "rw" : access]),
        ]
        // A user namespace may not mount the queues of an IPC namespace that is not its own.
        if request.namespaces.ipc == nil, request.namespaces.user != nil {
            mounts[3] = .init(
                destination: "/dev/mqueue", type: "bind", source: "/dev/mqueue", options: ["rbind", "nosuid", "noexec", "nodev"])
        }
        return mounts
    }

    /// On cgroup v2 a container's cgroups can be its own to divide, where the pod asks for it and the handler lets it.
    private var hasWritableCgroups: Bool { host.cgroupV2 && request.allowedAnnotations.isTrue(.cgroup2MountHierarchyRW) }

    /// Whether the group of terminals, as distributions number it, is mapped where there is a user namespace.
    private var hasTerminalGroup: Bool {
        let mappings = request.namespaces.gidMappings
        return mappings.isEmpty || mappings.contains { $0.containerID <= 5 && 5 - $0.containerID < $0.length }
    }

    /// With the host's processes in view, the host's own /proc is bound: a user namespace may not mount one of those.
    private func proc() -> Spec.Mount {
        if request.namespaces.user != nil, request.pidNamespace == .node {
            return .init(destination: "/proc", type: "bind", source: "/proc", options: ["rbind", "nosuid", "noexec", "nodev"])
        }
        return .init(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"])
    }

    /// Likewise: sysfs belongs to a network namespace, and one of the host's cannot be mounted from a user namespace.
    private func sys(_ access: String) -> Spec.Mount {
        if request.namespaces.user != nil, request.usesHostNetwork {
            return .init(destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", access])
        }
        return .init(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", access])
    }

    /// What a container writes to by custom, where the configuration makes every root file system read-only.
    private func writable() -> [Spec.Mount] {
        guard settings.readOnly else { return [] }
        return [("/run", "0755"), ("/tmp", "1777"), ("/var/tmp", "1777")].map { path, mode in
            .init(
                destination: path, type: "tmpfs", source: "tmpfs",
                options: ["rw", "noexec", "nosuid", "nodev", "tmpcopyup", "mode=\(mode)"])
        }
    }

    private func pod() -> [Spec.Mount] {
        let access = request.security.readonlyRootfs || settings.readOnly ? "ro" : "rw"
        func file(_ source: String, _ target: String, _ access: String) -> Spec.Mount {
            .init(destination: target, type: "bind", source: source, options: ["bind", "nodev", "nosuid", "noexec", access])
        }
        var mounts = [
            Spec.Mount(
                destination: "/dev/shm", type: "bind", source: request.files.sharedMemory,
                options: ["rw", "bind", "nosuid", "noexec", "nodev"]),
            file(request.files.resolver, "/etc/resolv.conf", access),
            file(request.files.hostname, "/etc/hostname", access),
        ]
        // On the host's network the host's names hold, unless the kubelet brings a file. It is the host's own: no pod's to write.
        if request.usesHostNetwork, host.hasHostsFile { mounts.append(file("/etc/hosts", "/etc/hosts", "ro")) }
        return mounts
    }

    private func bind(_ resolved: ResolvedMount) throws(SpecError) -> Spec.Mount {
        let mount = resolved.mount
        var options = ["rbind"]
        switch mount.propagation {
        case .propagationPrivate: options.append("rprivate")
        case .propagationHostToContainer: options.append("rslave")
        case .propagationBidirectional: options.append("rshared")
        case .UNRECOGNIZED(let value): throw .invalid("the mount at \(mount.containerPath) has the unknown propagation \(value)")
        }
        if mount.recursiveReadOnly, !request.recursiveReadOnly {
            throw .unsupported(
                "the mount at \(mount.containerPath) asks for recursive read-only, which this host's kernel or the pod's OCI runtime cannot do"
            )
        }
        options.append(mount.recursiveReadOnly ? "rro" : mount.readonly ? "ro" : "rw")
        options += mount.mountOptions
        var result = Spec.Mount(destination: Self.clean(mount.containerPath), type: "bind", source: resolved.source, options: options)
        if !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty {
            result.uidMappings = mount.uidMappings.map(Spec.IDMapping.init)
            result.gidMappings = mount.gidMappings.map(Spec.IDMapping.init)
        }
        return result
    }

    /// A path without repeated or trailing slashes, `.` and `..`.
    static func clean(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

extension Spec.Mount {
    fileprivate var depth: Int { destination.utf8.count { $0 == UInt8(ascii: "/") } }
}

extension Spec.IDMapping {
    init(_ mapping: Runtime_V1_IDMapping) {
        self.init(containerID: mapping.containerID, hostID: mapping.hostID, size: mapping.length)
    }

    init(_ mapping: IDMap) {
        self.init(containerID: mapping.containerID, hostID: mapping.hostID, size: mapping.length)
    }
}
