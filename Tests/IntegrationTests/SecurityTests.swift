import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    /// What confines containers, read from inside of them.
    @Suite struct Security {
        @Test("Capabilities, no_new_privs and seccomp of the container's first process")
        func process() async throws {
            try await withPod { kubelet, pod in
                let plain = try await processStatus(kubelet, kubelet.run("plain", in: pod, "exec sleep 1000"))
                // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE.
                for set in ["CapBnd", "CapPrm", "CapEff"] { #expect(plain[set] == "00000000000005fb", "\(set)") }
                #expect(plain["CapInh"] == zero && plain["CapAmb"] == zero)
                #expect(plain["NoNewPrivs"] == "0" && plain["Seccomp"] == "0" && plain["Uid"]?.hasPrefix("0\t") == true)

                let user = try await processStatus(
                    kubelet,
                    kubelet.run("user", in: pod, "exec sleep 1000") {
                        $0.linux.securityContext.runAsUser.value = 1234
                        $0.linux.securityContext.runAsGroup.value = 4321
                        $0.linux.securityContext.supplementalGroups = [2000, 1000]
                        $0.linux.securityContext.noNewPrivs = true
                        $0.linux.securityContext.seccomp.profileType = .runtimeDefault
                        $0.linux.securityContext.capabilities.addCapabilities = ["NET_RAW"]
                        $0.linux.securityContext.capabilities.dropCapabilities = ["CHOWN"]
                    })
                #expect(user["CapBnd"] == "00000000000025fa" && user["CapEff"] == zero && user["CapPrm"] == zero)
                #expect(user["NoNewPrivs"] == "1" && user["Seccomp"] == "2")
                #expect(user["Uid"] == "1234\t1234\t1234\t1234" && user["Gid"] == "4321\t4321\t4321\t4321")
                #expect(user["Groups"]?.split(separator: " ") == ["1000", "2000", "4321"])

                let ambient = try await processStatus(
                    kubelet,
                    kubelet.run("ambient", in: pod, "exec sleep 1000") {
                        $0.linux.securityContext.runAsUser.value = 1234
                        $0.linux.securityContext.capabilities.dropCapabilities = ["ALL"]
                        $0.linux.securityContext.capabilities.addAmbientCapabilities = ["NET_BIND_SERVICE"]
                    })
                for set in ["CapBnd", "CapEff", "CapAmb"] { #expect(ambient[set] == "0000000000000400", "\(set)") }
            }
        }

        @Test("A privileged container has what the daemon has, in a pod that says so")
        func privileged() async throws {
            try await withPod { kubelet, pod in
                let refused = await failure {
                    try await kubelet.create("c", in: pod, "true") { $0.linux.securityContext.privileged = true }
                }
                #expect(refused?.code == .invalidArgument && refused?.message.contains("privileged") == true)

                let free = try await kubelet.runPod("free") { $0.linux.securityContext.privileged = true }
                let id = try await kubelet.run("c", in: free, "exec sleep 1000") {
                    $0.linux.securityContext.privileged = true
                    $0.linux.securityContext.maskedPaths = ["/proc/keys"]
                    $0.linux.securityContext.readonlyPaths = ["/proc/sys"]
                    $0.linux.securityContext.seccomp.profileType = .runtimeDefault
                }
                let status = try await processStatus(kubelet, id)
                let own = fields(try Files.readText("/proc/self/status"))
                #expect(status["CapBnd"] == own["CapBnd"] && status["CapEff"] == own["CapBnd"])
                #expect(status["Seccomp"] == "0")
                let mounts = try await mountTable(kubelet, id)
                #expect(mounts.contains { $0.mountPoint == "/sys" && $0.options.contains("rw") })
                #expect(!mounts.contains { ["/proc/keys", "/proc/sys"].contains($0.mountPoint) })
                // A confined container has its place in such a pod, too.
                let confined = try await kubelet.run("confined", in: free, "exec sleep 1000")
                #expect(try await processStatus(kubelet, confined)["CapEff"] == "00000000000005fb")
            }
        }

        @Test("Masked and read-only paths, and none where none are asked for")
        func paths() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("paths")
                try Files.makeDirectories("\(daemon.directory)/tools")
                try Files.writeAtomically(Array("#!/bin/sh\necho it ran\n".utf8), to: "\(daemon.directory)/tools/tool", mode: 0o755)
                func container(_ name: String, masked: [String], readonly: [String]) async throws -> String {
                    try await kubelet.run(name, in: pod, "exec sleep 1000") {
                        $0.mounts = [
                            .with {
                                $0.hostPath = "\(daemon.directory)/tools"
                                $0.containerPath = "/tools"
                            }
                        ]
                        $0.linux.securityContext.maskedPaths = masked
                        $0.linux.securityContext.readonlyPaths = readonly
                    }
                }
                let seen = try await container("seen", masked: [], readonly: [])
                #expect(try await kubelet.output(seen, "/tools/tool") == "it ran")
                #expect(try await !mountTable(kubelet, seen).contains { $0.mountPoint.hasPrefix("/proc/") || $0.mountPoint == "/sys/firmware" })

                let masked = try await container("masked", masked: ["/tools/tool"], readonly: ["/proc/sys"])
                // Executed, not read: a shell with applets of its own does not look at the file for the rest.
                #expect(try await kubelet.exec(masked, "/tools/tool").exitCode == 126)
                #expect(try await kubelet.output(masked, "cat /proc/keys") == "", "the standard paths are hidden, too")
                let mounts = try await mountTable(kubelet, masked)
                #expect(mounts.contains { $0.mountPoint == "/proc/sys" && $0.options.contains("ro") })

                let readonly = try await container("readonly", masked: [], readonly: ["/tools"])
                #expect(try await kubelet.output(readonly, "/tools/tool") == "it ran")
                #expect(try await kubelet.exec(readonly, "echo >/tools/new").exitCode != 0)
            }
        }

        /// Lets everything through but making directories, and refuses that with an error nothing else gives.
        private static let noDirectories =
            #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat","no_such_call"],"action":"SCMP_ACT_ERRNO","errno":"EXDEV"}]}"#

        @Test("Seccomp: a profile of a file forbids one call; what is no profile is refused")
        func localhost() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("localhost")
                let file = "\(daemon.directory)/profile.json"
                try Files.write(Self.noDirectories, creating: file)
                func create(_ name: String, _ change: (inout Runtime_V1_LinuxContainerSecurityContext) -> Void) async throws -> String {
                    try await kubelet.run(name, in: pod, "exec sleep 1000") { change(&$0.linux.securityContext) }
                }
                func localhost(_ path: String) -> (inout Runtime_V1_LinuxContainerSecurityContext) -> Void {
                    {
                        $0.seccomp.profileType = .localhost
                        $0.seccomp.localhostRef = path
                    }
                }
                let script = "mkdir /tmp/new 2>&1; touch /tmp/file && echo done"
                for (name, change) in [
                    ("field", localhost(file)), ("prefixed", localhost("localhost/\(file)")),
                    ("deprecated", { $0.seccompProfilePath = "localhost/\(file)" }),
                ] as [(String, (inout Runtime_V1_LinuxContainerSecurityContext) -> Void)] {
                    let output = try await kubelet.output(create(name, change), script)
                    #expect(output.contains("cross-device link") && output.hasSuffix("done"), "\(name): \(output)")
                }
                try Files.write(#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, creating: "\(daemon.directory)/notify.json")
                try Files.write("{", creating: "\(daemon.directory)/broken.json")
                for (path, code) in [
                    ("profile.json", RPCError.Code.invalidArgument), ("/no/such/file", .invalidArgument), ("", .invalidArgument),
                    ("\(daemon.directory)/broken.json", .invalidArgument), ("\(daemon.directory)/notify.json", .failedPrecondition),
                ] {
                    let refused = await failure { try await create("refused", localhost(path)) }
                    #expect(refused?.code == code, "\(path): \(refused?.message ?? "was accepted")")
                    let refusedPod = await failure {
                        try await kubelet.runPod("refused") {
                            $0.linux.securityContext.seccomp.profileType = .localhost
                            $0.linux.securityContext.seccomp.localhostRef = path
                        }
                    }
                    #expect(refusedPod?.code == code, "a pod with \(path): \(refusedPod?.message ?? "was accepted")")
                }
            }
        }

        @Test("Seccomp: RuntimeDefault keeps new namespaces back; without a profile nothing does")
        func runtimeDefault() async throws {
            try await withPod { kubelet, pod in
                for (name, succeeds, change) in [
                    ("unset", true, { _ in }), ("unconfined", true, { $0.seccomp.profileType = .unconfined }),
                    ("default", false, { $0.seccomp.profileType = .runtimeDefault }),
                    ("deprecated", false, { $0.seccompProfilePath = "runtime/default" }),
                ] as [(String, Bool, (inout Runtime_V1_LinuxContainerSecurityContext) -> Void)] {
                    let id = try await kubelet.run(name, in: pod, "exec sleep 1000") { change(&$0.linux.securityContext) }
                    let code = try await kubelet.exec(id, "unshare -U true").exitCode
                    #expect((code == 0) == succeeds, "\(name)")
                }
            }
        }

        @Test("Seccomp by the configuration: for privileged containers, and where nothing is asked for")
        func configured() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                try Files.write(Self.noDirectories, creating: "\(daemon.directory)/privileged.json")
                try Files.makeDirectories("\(daemon.directory)/swiftlet.conf.d")
                try Files.write(
                    """
                    [crio.runtime]
                    privileged_seccomp_profile = "\(daemon.directory)/privileged.json"
                    seccomp_use_default_when_empty = true

                    """, creating: "\(daemon.directory)/swiftlet.conf.d/seccomp.conf")
                try await daemon.restart()
                let pod = try await kubelet.runPod("configured") { $0.linux.securityContext.privileged = true }
                let privileged = try await kubelet.run("privileged", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.privileged = true
                }
                #expect(try await kubelet.output(privileged, "mkdir /tmp/new 2>&1").contains("cross-device link"))
                let plain = try await kubelet.run("plain", in: pod, "exec sleep 1000")
                #expect(try await kubelet.exec(plain, "mkdir /tmp/new").exitCode == 0)
                #expect(try await kubelet.exec(plain, "unshare -U true").exitCode != 0)
            }
        }

        @Test("umask and the size of /dev/shm by annotation, where the handler lets them through")
        func annotations() async throws {
            let handler = "[crio.runtime.runtimes.\(Combination.current.runtime)]\nallowed_annotations = [\"umask.crio.io\", \"shm-size.crio.io\"]"
            for (configuration, umask, size) in [(handler, "0077", "size=1024k"), ("", "0022", "size=65536k")] {
                try await Daemon.during(configuration: configuration) { daemon in
                    let kubelet = daemon.kubelet
                    _ = try await kubelet.pull(Lab.current.busybox)
                    let pod = try await kubelet.runPod("annotated") {
                        $0.annotations = ["umask.crio.io": "077", "io.kubernetes.cri-o.ShmSize": "1Mi"]
                    }
                    let id = try await kubelet.run("c", in: pod, "exec sleep 1000")
                    #expect(try await processStatus(kubelet, id)["Umask"] == umask)
                    let shm = try await mountTable(kubelet, id).first { $0.mountPoint == "/dev/shm" }
                    #expect(shm?.superOptions.contains(size) == true)
                    guard configuration == handler else { return }
                    let refused = await failure { try await kubelet.runPod("refused") { $0.annotations = ["shm-size.crio.io": "-1"] } }
                    #expect(refused?.code == .invalidArgument)
                }
            }
        }

        @Test("Users that cannot be are refused")
        func users() async throws {
            try await withPod { kubelet, pod in
                for (name, change) in [
                    ("a group alone", { $0.runAsGroup.value = 7 }), ("a negative id", { $0.runAsUser.value = -1 }),
                    ("no such name", { $0.runAsUsername = "nobody-here" }),
                    (
                        "both",
                        {
                            $0.runAsUser.value = 1
                            $0.runAsUsername = "root"
                        }
                    ),
                ] as [(String, (inout Runtime_V1_LinuxContainerSecurityContext) -> Void)] {
                    let refused = await failure {
                        try await kubelet.create("refused", in: pod, "true") { change(&$0.linux.securityContext) }
                    }
                    #expect(refused?.code == .invalidArgument, "\(name)")
                }
                let lonely = await failure { try await kubelet.runPod("lonely") { $0.linux.securityContext.runAsGroup.value = 7 } }
                #expect(lonely?.code == .invalidArgument)
                let id = try await kubelet.run("strict", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.runAsUsername = "1234"
                    $0.linux.securityContext.runAsGroup.value = 9
                    $0.linux.securityContext.supplementalGroups = [8]
                    $0.linux.securityContext.supplementalGroupsPolicy = .strict
                }
                let user = try await kubelet.status(id).user.linux
                #expect(user.uid == 1234 && user.gid == 9 && user.supplementalGroups == [8, 9])
                #expect(try await processStatus(kubelet, id)["Groups"]?.split(separator: " ") == ["8", "9"])
            }
        }

        @Test("AppArmor: a profile by name is refused where it is not, and containers are confined where it can be")
        func appArmor() async throws {
            let enabled = ((try? Files.readText("/sys/module/apparmor/parameters/enabled")) ?? "").hasPrefix("Y")
            try await withPod { kubelet, pod in
                let refused = await failure {
                    try await kubelet.create("refused", in: pod, "true") {
                        $0.linux.securityContext.apparmor.profileType = .localhost
                        $0.linux.securityContext.apparmor.localhostRef = "swiftlet-no-such-profile"
                    }
                }
                #expect(refused?.code == .failedPrecondition && refused?.message.contains("swiftlet-no-such-profile") == true)
                let id = try await kubelet.run("default", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.apparmor.profileType = .runtimeDefault
                }
                guard enabled else { return }
                #expect(try await kubelet.output(id, "cat /proc/1/attr/current") == "swiftlet-default (enforce)")
            }
        }

        private let zero = "0000000000000000"

        /// The fields of /proc/PID/status.
        private func fields(_ text: String) -> [String: String] {
            text.split(separator: "\n").reduce(into: [:]) { fields, line in
                guard let colon = line.firstIndex(of: ":") else { return }
                let value = line[line.index(after: colon)...].drop { $0.isWhitespace }
                fields[String(line[..<colon])] = String(value.reversed().drop { $0.isWhitespace }.reversed())
            }
        }

        /// What the kernel tells of the container's own process.
        private func processStatus(_ kubelet: Kubelet, _ id: String) async throws -> [String: String] {
            fields(try await kubelet.output(id, "cat /proc/1/status"))
        }

        private func mountTable(_ kubelet: Kubelet, _ id: String) async throws -> [MountEntry] {
            try await kubelet.output(id, "cat /proc/1/mountinfo").split(separator: "\n").compactMap { MountEntry(line: $0) }
        }

        /// Runs `body` with a pod on a daemon that has the image.
        private func withPod(_ body: (Kubelet, TestPod) async throws -> Void) async throws {
            try await Daemon.during { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                try await body(daemon.kubelet, daemon.kubelet.runPod("pod"))
            }
        }
    }
}
