import CRI
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    /// Pods whose ids are others on the host.
    @Suite struct UserNamespaces {
        /// The host's id of the pods' root.
        private static let first: UInt32 = 1_200_000
        private static let mapping = [
            Runtime_V1_IDMapping.with {
                $0.hostID = first
                $0.length = 65536
            }
        ]

        @Test("Status offers user namespaces, and says where critest looks for ID-mapped mounts")
        func status() async throws {
            try await Daemon.during { daemon in
                let status = try await daemon.kubelet.runtime.status(.with { $0.verbose = true })
                #expect(status.runtimeHandlers.count >= 2 && status.runtimeHandlers.allSatisfy(\.features.userNamespaces))
                #expect(status.info["config"]?.contains("\"stateDir\":\"\(daemon.root)/") == true)
                #expect(try Files.list(daemon.root).allSatisfy { !$0.contains("probe") } && !Files.exists("\(daemon.runroot)/user-namespace-probe"))
            }
        }

        @Test("Inside, the mapping, the owners of the root and the kernel's file systems are a pod's; outside, the process is another's")
        func view() async throws {
            try await withPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "echo to stdout >/dev/stdout; exec sleep 1000")
                let map = "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '"
                #expect(try await kubelet.output(id, map) == " 0 \(Self.first) 65536\n 0 \(Self.first) 65536")
                let owned = "/ /bin /bin/busybox /etc/resolv.conf /etc/hostname /dev/shm /dev/mqueue /dev/pts"
                #expect(try await kubelet.output(id, "stat -Lc %u:%g \(owned) | uniq") == "0:0")
                let works = """
                    hostname && touch /file /dev/shm/file && cat /etc/resolv.conf >/etc/hostname && head -c 1 /dev/zero >/dev/null &&
                    ls /sys/fs/cgroup >/dev/null && ip link show eth0 >/dev/null && stat -c %u /file
                    """
                #expect(try await kubelet.output(id, works) == "users\n0")
                #expect(try await kubelet.exec(id, "echo 1 >/proc/sys/vm/swappiness").exitCode != 0)

                let process = try #require(try await kubelet.hostProcess(of: id))
                #expect(try Self.owner("/proc/\(process)") == Self.first)
                #expect(try Self.owner("/proc/\(process)/root/bin/busybox") == Self.first)
                #expect(try LogLine.read("\(kubelet.logs)/users/c.log").map(\.text) == ["to stdout"])
            }
        }

        @Test("A volume without mappings gets the host's ids, one with the pod's mappings the container's, with the mounts below it")
        func volumes() async throws {
            try await withPod { daemon, pod in
                let kubelet = daemon.kubelet
                let (plain, mapped, file) = ("\(daemon.directory)/plain", "\(daemon.directory)/mapped", "\(daemon.directory)/file")
                for directory in [plain, "\(mapped)/nested"] { try Files.makeDirectories(directory) }
                chmod(plain, 0o777)
                try Linux.Mounts.tmpfs(at: "\(mapped)/nested", options: "mode=755")
                try Files.write("text\n", creating: file)
                try await shell("chown 1234:1234 \(file); chmod 600 \(file)")
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.mounts = [
                        Self.mount(plain, "/plain", mapped: false), Self.mount(mapped, "/mapped"), Self.mount(file, "/file"),
                        Self.mount(file, "/plain-file", mapped: false),
                    ]
                }
                let write = "touch /plain/new /mapped/new /mapped/nested/new && chown 1234 /mapped/new && stat -c %u /plain/new /mapped/nested/new"
                #expect(try await kubelet.output(id, write) == "0\n0")
                #expect(try await kubelet.output(id, "stat -c %u /file /plain-file /mapped /plain && cat /file") == "1234\n65534\n0\n65534\ntext")
                #expect(try Self.owner("\(plain)/new") == Self.first)
                #expect(try Self.owner("\(mapped)/new") == 1234)
                #expect(try Self.owner("\(mapped)/nested/new") == 0)
                // The volume is the container's alone: the host can unmount it while the container is there.
                #expect(try MountTable.read().allSatisfy { !$0.mountPoint.contains("/shifted") })

                try await daemon.restart(SIGKILL)
                #expect(try await kubelet.output(id, "touch /mapped/later && stat -c %u /mapped/later") == "0")
                #expect(try Self.owner("\(mapped)/later") == 0)
                #expect(try await kubelet.status(id).mounts.map(\.uidMappings.count) == [0, 1, 1, 0])
                try Linux.Mounts.unmount("\(mapped)/nested")
            }
        }

        @Test("A read-only mapped volume is read-only, and an image volume is the container's root's")
        func readOnlyVolumes() async throws {
            try await withPod { daemon, pod in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.layered)
                try Files.makeDirectories("\(daemon.directory)/volume")
                let image = try Lab.current.layered
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    var volume = Self.mount("", "/image")
                    volume.image.image = image
                    volume.readonly = true
                    var fixed = Self.mount("\(daemon.directory)/volume", "/fixed")
                    fixed.readonly = true
                    $0.mounts = [volume, fixed]
                }
                #expect(try await kubelet.output(id, "cat /image/work/file; stat -c %u /image/work/file /image/bin/busybox /fixed") == "layered\n0\n0\n0")
                #expect(try await kubelet.exec(id, "touch /image/file").exitCode != 0)
                #expect(try await kubelet.exec(id, "touch /fixed/file").exitCode != 0)
            }
        }

        @Test("Exec, a rotated log and figures of a container that runs as a user, before and after a restart of the daemon")
        func streams() async throws {
            try await withPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "while :; do echo line >/dev/stdout; sleep 0.05; done") {
                    $0.linux.securityContext.runAsUser.value = 1234
                    $0.linux.securityContext.runAsGroup.value = 4321
                }
                for signal in [SIGTERM, SIGKILL] {
                    #expect(try await kubelet.output(id, "id -u; id -g; id -G >/dev/stdout") == "1234\n4321\n4321")
                    #expect(try Self.owner("/proc/\(try #require(try await kubelet.hostProcess(of: id)))") == Self.first + 1234)
                    try await daemon.restart(signal)
                }
                let path = "\(kubelet.logs)/users/c.log"
                try await shell("mv \(path) \(path).1")
                _ = try await kubelet.runtime.reopenContainerLog(.with { $0.containerID = id })
                try await eventually("the new log is written") { (try? LogLine.read(path).last?.text) == "line" }
                let stats = try await kubelet.runtime.containerStats(.with { $0.containerID = id }).stats
                #expect(stats.memory.workingSetBytes.value > 0)
            }
        }

        @Test("Privileged, with the host's network, and with the pod's or the host's processes in view", arguments: ["privileged", "network", "pod", "node"])
        func variants(variant: String) async throws {
            try await withPod(
                privileged: variant == "privileged",
                { options in
                    if variant == "network" { options.network = .node }
                    if variant == "pod" { options.pid = .pod }
                    if variant == "node" { options.pid = .node }
                }
            ) { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.privileged = variant == "privileged"
                    $0.linux.securityContext.namespaceOptions.pid = pod.configuration.linux.securityContext.namespaceOptions.pid
                }
                #expect(try await kubelet.output(id, "awk '{ print $2 }' /proc/self/uid_map; ls /sys/class/net | grep -c lo") == "\(Self.first)\n1")
                let mounting = try await kubelet.exec(id, "mount -t tmpfs none /tmp && ls -ld /dev/null && touch /tmp/file")
                #expect((mounting.exitCode == 0) == (variant == "privileged"))
                #expect(try await kubelet.exec(id, "echo 1 >/proc/sys/vm/swappiness").exitCode != 0)
            }
        }

        @Test("What cannot be is refused, by the field's name, and leaves nothing")
        func refusals() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try Files.makeDirectories("\(daemon.directory)/swiftlet.conf.d")
                try Files.write("[crio.runtime]\nminimum_mappable_uid = 1000000\n", creating: "\(daemon.directory)/swiftlet.conf.d/10-ids.conf")
                try await daemon.restart()
                _ = try await kubelet.pull(Lab.current.busybox)
                func refused(_ change: (inout Runtime_V1_NamespaceOption) -> Void) async -> RPCError? {
                    await failure { try await kubelet.runPod("refused") { change(&$0.linux.securityContext.namespaceOptions) } }
                }
                let target = await refused { $0.usernsOptions.mode = .target }
                #expect(target?.code == .invalidArgument && target?.message.contains("no mode TARGET") == true)
                let low = await refused {
                    $0.usernsOptions.uids = [.with { ($0.hostID, $0.length) = (1000, 10) }]
                    $0.usernsOptions.gids = Self.mapping
                }
                #expect(low?.code == .invalidArgument && low?.message.contains("minimum_mappable_uid is 1000000") == true)
                #expect(try await kubelet.runtime.listPodSandbox(.init()).items.isEmpty)

                let pod = try await kubelet.runPod("users") { Self.useNamespace(&$0.linux.securityContext.namespaceOptions) }
                func refused(_ change: (inout Runtime_V1_ContainerConfig) -> Void) async -> RPCError? {
                    await failure { try await kubelet.create("c", in: pod, "true", change) }
                }
                let other = await refused { $0.linux.securityContext.namespaceOptions.usernsOptions.mode = .node }
                #expect(other?.code == .invalidArgument && other?.message.contains("send the pod's, or none") == true)
                let stranger = await refused { $0.linux.securityContext.runAsUser.value = 70000 }
                #expect(stranger?.code == .invalidArgument && stranger?.message.contains("the user 70000") == true)
                let system = await refused { $0.mounts = [Self.mount("/sys/kernel", "/data")] }
                #expect(system?.code == .failedPrecondition && system?.message.contains("/sys/kernel (sysfs)") == true)
                #expect(try await kubelet.runtime.listContainers(.init()).containers.isEmpty)
            }
        }

        /// Runs `body` with a pod that has a user namespace, named `users`, on a daemon that has the image.
        private func withPod(
            privileged: Bool = false, _ change: (inout Runtime_V1_NamespaceOption) -> Void = { _ in },
            _ body: (Daemon, TestPod) async throws -> Void
        ) async throws {
            try await Daemon.during { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                let pod = try await daemon.kubelet.runPod("users") {
                    Self.useNamespace(&$0.linux.securityContext.namespaceOptions)
                    change(&$0.linux.securityContext.namespaceOptions)
                    $0.linux.securityContext.privileged = privileged
                }
                try await body(daemon, pod)
            }
        }

        private static func useNamespace(_ options: inout Runtime_V1_NamespaceOption) {
            (options.usernsOptions.uids, options.usernsOptions.gids) = (mapping, mapping)
        }

        private static func mount(_ source: String, _ target: String, mapped: Bool = true) -> Runtime_V1_Mount {
            .with {
                $0.hostPath = source
                $0.containerPath = target
                if mapped { ($0.uidMappings, $0.gidMappings) = (mapping, mapping) }
            }
        }

        private static func owner(_ path: String) throws -> UInt32 {
            var status = stat()
            try check("stat", path) { stat(path, &status) }
            return status.st_uid
        }
    }
}
