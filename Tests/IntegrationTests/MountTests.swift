import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Mounts {
        @Test("Directories, files, sockets, FIFOs and links are mounted as what they are; what is absent is made as a directory")
        func sources() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let host = "\(daemon.directory)/host"
                try await shell(
                    """
                    mkdir -p \(host)/directory && cd \(host)
                    echo text >file
                    mkfifo fifo
                    ln -s directory/../file link
                    ln -s nowhere broken
                    """)
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.mounts =
                        ["directory", "file", "fifo", "link", "absent/deep"].map { mount("\(host)/\($0)", "/m/\($0)") }
                        + [mount(daemon.socket, "/m/socket"), mount("/dev/null", "/m/device")]
                }
                let kinds = try await kubelet.output(id, "cd /m; stat -c '%n %F' directory file fifo link absent/deep socket")
                #expect(
                    kinds == """
                        directory directory
                        file regular file
                        fifo fifo
                        link regular file
                        absent/deep directory
                        socket socket
                        """)
                #expect(try await kubelet.output(id, "cat /m/link") == "text")
                #expect(Files.isDirectory("\(host)/absent/deep"))
                for (path, reason) in [("\(host)/broken", "leads nowhere"), ("\(host)/file/below", "no directory")] {
                    let refused = await failure { try await kubelet.create("bad", in: pod, "true") { $0.mounts = [mount(path, "/x")] } }
                    #expect(refused?.code == .invalidArgument && refused?.message.contains(reason) == true)
                }
            }
        }

        @Test("A link in the image does not lead a mount out of the container's root")
        func maliciousLink() async throws {
            let lab = try Lab.current
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let target = "\(daemon.directory)/outside"
                try await shell(
                    """
                    mkdir -p \(daemon.directory)/layer \(target) \(daemon.directory)/volume
                    echo mounted >\(daemon.directory)/volume/file
                    ln -s \(target) \(daemon.directory)/layer/data
                    \(Lab.scripts)/push-image \(lab.registry)/tests/links:1 \(lab.directory)/busybox \(daemon.directory)/layer
                    """)
                _ = try await kubelet.pull("\(lab.registry)/tests/links:1")
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.image.image = "\(lab.registry)/tests/links:1"
                    $0.mounts = [mount("\(daemon.directory)/volume", "/data/sub")]
                }
                #expect(try await kubelet.output(id, "cat /data/sub/file; cat \(target)/sub/file") == "mounted\nmounted")
                #expect(try Files.list(target) == [], "the host's directory of that name is as it was")
            }
        }

        @Test("An image as a volume: its files, read-only, below a sub-path; never to be written")
        func images() async throws {
            let lab = try Lab.current
            try await Daemon.duringPod({ $0.linux.securityContext.privileged = true }) { daemon, pod in
                let kubelet = daemon.kubelet
                let image = try await kubelet.pull(lab.layered)
                func volume(_ path: String, _ change: (inout Runtime_V1_Mount) -> Void = { _ in }) -> Runtime_V1_Mount {
                    var mount = Runtime_V1_Mount.with {
                        $0.containerPath = path
                        $0.image.image = image
                        $0.readonly = true
                    }
                    change(&mount)
                    return mount
                }
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.mounts = [volume("/whole"), volume("/part") { $0.imageSubPath = "work" }]
                    $0.linux.securityContext.privileged = true
                }
                #expect(try await kubelet.output(id, "cat /whole/work/file /part/file") == "layered\nlayered")
                #expect(try await kubelet.exec(id, "touch /whole/x || mount -o remount,rw /whole && touch /whole/x").exitCode != 0)
                let mounts = try await kubelet.status(id).mounts
                #expect(mounts.map(\.containerPath) == ["/whole", "/part"] && mounts.allSatisfy { $0.image.imageRef == image && $0.readonly })
                #expect(await failure { try await kubelet.images.removeImage(.with { $0.image.image = image }) } != nil, "it is in use")
                for (wrong, reason) in [
                    (volume("/w") { $0.readonly = false }, "not read-only"), (volume("/w") { $0.imageSubPath = "../etc" }, "sub-path"),
                    (volume("/w") { $0.imageSubPath = "absent" }, "absent"),
                ] {
                    let refused = await failure { try await kubelet.create("bad", in: pod, "true") { $0.mounts = [wrong] } }
                    #expect(refused?.code == .invalidArgument && refused?.message.contains(reason) == true)
                }
            }
        }

        @Test("Mounts pass from the host with rslave, both ways with rshared, and not at all with private")
        func propagation() async throws {
            try await Daemon.duringPod({ $0.linux.securityContext.privileged = true }) { daemon, pod in
                let kubelet = daemon.kubelet
                let shared = "\(daemon.directory)/shared"
                try await shell("mkdir -p \(shared)/{private,slave,both} && mount --bind \(shared) \(shared) && mount --make-rshared \(shared)")
                let modes: [(String, Runtime_V1_MountPropagation)] = [
                    ("private", .propagationPrivate), ("slave", .propagationHostToContainer), ("both", .propagationBidirectional),
                ]
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.mounts = modes.map { name, mode in
                        var volume = mount("\(shared)/\(name)", "/\(name)")
                        volume.propagation = mode
                        return volume
                    }
                    $0.linux.securityContext.privileged = true
                }
                for (name, mode) in modes {
                    try await shell("mkdir \(shared)/\(name)/host && mount -t tmpfs host \(shared)/\(name)/host && touch \(shared)/\(name)/host/file")
                    #expect(try await kubelet.exec(id, "test -e /\(name)/host/file").exitCode == (mode == .propagationPrivate ? 1 : 0), "\(name)")
                    _ = try await kubelet.exec(id, "mkdir /\(name)/own && mount -t tmpfs own /\(name)/own && touch /\(name)/own/file")
                    #expect(Files.exists("\(shared)/\(name)/own/file") == (mode == .propagationBidirectional), "\(name)")
                }
                #expect(try await kubelet.status(id).mounts.map(\.propagation) == modes.map(\.1))
                try await kubelet.removePod(pod.id)
                try await shell("umount -R \(shared)")

                try await shell("mount --bind \(shared) \(shared) && mount --make-rprivate \(shared)")
                let other = try await kubelet.runPod("other")
                for mode in [Runtime_V1_MountPropagation.propagationHostToContainer, .propagationBidirectional] {
                    let refused = await failure {
                        try await kubelet.create("c", in: other, "true") {
                            $0.mounts = [mount("\(shared)/both", "/x")]
                            $0.mounts[0].propagation = mode
                        }
                    }
                    #expect(refused?.code == .invalidArgument && refused?.message.contains("make-rshared") == true)
                }
                try await shell("umount \(shared)")
            }
        }

        @Test("Read-only holds for a mount, recursive read-only for all below it; Status says whether it can be had")
        func recursiveReadOnly() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let volume = "\(daemon.directory)/volume"
                try await shell("mkdir -p \(volume)/below && mount -t tmpfs below \(volume)/below")
                var plain = mount(volume, "/plain")
                plain.readonly = true
                var recursive = mount(volume, "/recursive")
                (recursive.readonly, recursive.recursiveReadOnly) = (true, true)
                let offered = try await kubelet.runtime.status(.init()).runtimeHandlers.first { $0.name == "" }?.features.recursiveReadOnlyMounts
                if offered == true {
                    let id = try await kubelet.run("c", in: pod, "exec sleep 1000") { $0.mounts = [plain, recursive] }
                    #expect(try await kubelet.exec(id, "touch /plain/file").exitCode != 0)
                    #expect(try await kubelet.exec(id, "touch /plain/below/file").exitCode == 0)
                    #expect(try await kubelet.exec(id, "touch /recursive/file").exitCode != 0)
                    #expect(try await kubelet.exec(id, "touch /recursive/below/file2").exitCode != 0)
                    #expect(try await kubelet.status(id).mounts.map(\.recursiveReadOnly) == [false, true])
                } else {
                    let refused = await failure { try await kubelet.create("c", in: pod, "true") { $0.mounts = [recursive] } }
                    #expect(refused?.code == .failedPrecondition)
                }
                recursive.readonly = false
                let refused = await failure { try await kubelet.create("bad", in: pod, "true") { $0.mounts = [recursive] } }
                #expect(refused?.code == .invalidArgument)
                try await kubelet.removePod(pod.id)
                try await shell("umount \(volume)/below")
            }
        }

        @Test("The kubelet's own /etc files win, on a read-only root, too; of two mounts at one path the later is seen")
        func precedence() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                for name in ["hosts", "resolv.conf", "hostname", "first", "second"] {
                    try Files.write("kubelet's \(name)\n", creating: "\(daemon.directory)/\(name)")
                }
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.readonlyRootfs = true
                    $0.mounts =
                        ["hosts", "resolv.conf", "hostname"].map { mount("\(daemon.directory)/\($0)", "/etc/\($0)") }
                        + ["first", "second"].map { mount("\(daemon.directory)/\($0)", "/twice") }
                }
                let seen = try await kubelet.output(id, "cat /etc/hosts /etc/resolv.conf /etc/hostname /twice")
                #expect(seen == "kubelet's hosts\nkubelet's resolv.conf\nkubelet's hostname\nkubelet's second")
                #expect(try await kubelet.exec(id, "touch /etc/other").exitCode != 0)
                #expect(try await kubelet.output(id, "echo more >>/etc/hosts; tail -n 1 /etc/hosts") == "more")
                let plain = try await kubelet.run("plain", in: pod, "exec sleep 1000") { $0.linux.securityContext.readonlyRootfs = true }
                #expect(try await kubelet.output(plain, "cat /etc/hostname") == "pod")
                #expect(try await kubelet.exec(plain, "echo x >/etc/hostname").exitCode != 0)
            }
        }

        @Test("/dev/shm has its size and mode, cgroups are read-only, and a /dev of the request's own comes as it is")
        func kernelsFileSystems() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(id, "stat -c '%a' /dev/shm; df -k /dev/shm | tail -n 1 | awk '{print $2}'") == "1777\n65536")
                #expect(try await kubelet.exec(id, "d=/sys/fs/cgroup/memory; [ -d $d ] || d=/sys/fs/cgroup; mkdir $d/own").exitCode != 0)
                try await shell("mkdir \(daemon.directory)/dev && touch \(daemon.directory)/dev/mine && mknod \(daemon.directory)/dev/null c 1 3")
                let own = try await kubelet.run("own", in: pod, "exec sleep 1000") { $0.mounts = [mount("\(daemon.directory)/dev", "/dev")] }
                #expect(try await kubelet.output(own, "ls /dev") == "mine\nnull")
            }
        }

        @Test("The size of /dev/shm by annotation, where the runtime handler lets it through", arguments: [true, false])
        func sharedMemory(allowed: Bool) async throws {
            let list = allowed ? #"["shm-size.crio.io"]"# : "[]"
            try await Daemon.during(configuration: "[crio.runtime.runtimes.\(Combination.current.runtime)]\nallowed_annotations = \(list)\n") { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                let pod = try await daemon.kubelet.runPod("pod") { $0.annotations = ["shm-size.crio.io": "16Mi"] }
                let id = try await daemon.kubelet.run("c", in: pod, "exec sleep 1000")
                let size = try await daemon.kubelet.output(id, "df -k /dev/shm | tail -n 1 | awk '{print $2}'")
                #expect(size == (allowed ? "16384" : "65536"))
                guard allowed else { return }
                let refused = await failure { try await daemon.kubelet.runPod("bad") { $0.annotations = ["shm-size.crio.io": "big"] } }
                #expect(refused?.code == .invalidArgument)
            }
        }

        private func mount(_ source: String, _ target: String) -> Runtime_V1_Mount {
            .with {
                $0.hostPath = source
                $0.containerPath = target
            }
        }
    }
}
