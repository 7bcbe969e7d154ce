import CRI
import Glibc
import Linux
import Testing

extension Integration {
    /// Devices by path, by configuration, by annotation and by CDI name. The host's nodes are made in the test's own directory,
    /// with the numbers of the first loop device: what a container may do with that one, the devices cgroup alone decides.
    @Suite(.enabled(if: Files.exists("/dev/loop0"), "there is no loop device"))
    struct Devices {
        @Test("A device has its numbers, its mode, and the permissions that were asked for, no more")
        func permissions() async throws {
            try await withDevices { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.devices = ["r", "w", "rw"].map { access in
                        .with {
                            $0.hostPath = "\(daemon.directory)/nodes/one"
                            $0.containerPath = "/dev/\(access)"
                            $0.permissions = access
                        }
                    }
                }
                #expect(try await kubelet.output(id, "stat -c '%F %t:%T %a' /dev/rw") == "block special file 7:0 640")
                // All three are one device: it has the permissions of them together.
                #expect(try await use("/dev/r", id, kubelet) == "r w")
                let reader = try await kubelet.run("reader", in: pod, "exec sleep 1000") {
                    $0.devices = [device(daemon, "one", "/dev/x", "r")]
                }
                #expect(try await use("/dev/x", reader, kubelet) == "r")
                let writer = try await kubelet.run("writer", in: pod, "exec sleep 1000") {
                    $0.devices = [device(daemon, "one", "/dev/x", "w")]
                    $0.linux.securityContext.readonlyRootfs = true
                }
                #expect(try await use("/dev/x", writer, kubelet) == "w")
                let maker = try await kubelet.run("maker", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.capabilities.addCapabilities = ["MKNOD"]
                }
                #expect(try await kubelet.exec(maker, "mknod /dev/x b 7 0").exitCode == 0)
                #expect(try await use("/dev/x", maker, kubelet) == "", "a node of one's own making opens nothing")
            }
        }

        @Test("A directory stands for its devices, links left out")
        func directories() async throws {
            try await withDevices { daemon, pod in
                let id = try await daemon.kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.devices = [device(daemon, "", "/dev/all", "rw")]
                }
                #expect(try await daemon.kubelet.output(id, "cd /dev/all; find . -type b | sort") == "./below/two\n./one")
            }
        }

        @Test("What cannot be is refused with the reason")
        func refusals() async throws {
            try await withDevices { daemon, pod in
                let kubelet = daemon.kubelet
                for (device, reason) in [
                    (device(daemon, "none", "/dev/x", "r"), "the host has no device at"),
                    (device(daemon, "link", "/dev/x", "rz"), "made of r, w and m"), (device(daemon, "one", "dev/x", "r"), "not absolute"),
                ] {
                    let error = await failure { try await kubelet.create("c", in: pod, "true") { $0.devices = [device] } }
                    #expect(error?.code == .invalidArgument && error?.message.contains(reason) == true, "\(error?.message ?? "")")
                }
            }
        }

        @Test("A privileged container has the host's devices of the moment, unless its handler withholds them")
        func privileged() async throws {
            let program = try await shell("command -v \(Combination.current.runtime)").split(separator: "\n").joined()
            let handler = "[crio.runtime.runtimes.bare]\nruntime_path = \"\(program)\"\nprivileged_without_host_devices = true\n"
            try await withDevices(configuration: { _ in handler }, privileged: true) { daemon, pod in
                let kubelet = daemon.kubelet
                let name = "swiftlet-test-\(daemon.directory.split(separator: ".").last ?? "")"
                try await shell("mknod -m 640 /dev/\(name) b 7 0")
                defer { unlink("/dev/\(name)") }
                let id = try await kubelet.run("free", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.privileged = true
                    $0.devices = [device(daemon, "one", "/dev/more", "r")]
                }
                #expect(try await kubelet.output(id, "stat -c '%t:%T' /dev/\(name) /dev/more") == "7:0\n7:0")
                #expect(try await kubelet.output(id, "readlink /dev/stdin") == "/proc/self/fd/0")
                #expect(try await use("/dev/more", id, kubelet) == "r w")
                let taken = await failure {
                    try await kubelet.create("taken", in: pod, "true") {
                        $0.linux.securityContext.privileged = true
                        $0.devices = [device(daemon, "one", "/dev/null", "r")]
                    }
                }
                #expect(taken?.code == .invalidArgument && taken?.message.contains("/dev/null, which is another device") == true)

                let bare = try await runPod("bare", handler: "bare", kubelet) { $0.linux.securityContext.privileged = true }
                let withheld = try await kubelet.run("withheld", in: bare, "exec sleep 1000") {
                    $0.linux.securityContext.privileged = true
                    $0.devices = [device(daemon, "one", "/dev/more", "r")]
                }
                #expect(try await kubelet.exec(withheld, "[ -e /dev/\(name) ]").exitCode == 1)
                #expect(try await use("/dev/more", withheld, kubelet) == "r")
            }
        }

        @Test("The configuration's devices, the annotation's allowed ones, and their owner")
        func configured() async throws {
            let program = try await shell("command -v \(Combination.current.runtime)").split(separator: "\n").joined()
            try await withDevices(configuration: { directory in
                """
                [crio.runtime]
                additional_devices = ["\(directory)/nodes/one:/dev/extra:r", "\(directory)/nodes/below:/dev/extras"]
                allowed_devices = ["\(directory)/nodes/one"]
                device_ownership_from_security_context = true
                [crio.runtime.runtimes.strict]
                runtime_path = "\(program)"

                """
            }) { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.devices = [device(daemon, "one", "/dev/own", "r")]
                    $0.linux.securityContext.runAsUser.value = 1234
                    $0.linux.securityContext.runAsGroup.value = 4321
                }
                let seen = try await kubelet.output(id, "stat -c '%n %t:%T %u:%g' /dev/extra /dev/extras/two /dev/own")
                #expect(seen == "/dev/extra 7:0 0:0\n/dev/extras/two 7:0 0:0\n/dev/own 7:0 1234:4321")

                let asked = "\(daemon.directory)/nodes/one:/dev/asked:r"
                let allowed = try await kubelet.runPod("allowed") { $0.annotations["io.kubernetes.cri-o.Devices"] = asked }
                let reader = try await kubelet.run("c", in: allowed, "exec sleep 1000")
                #expect(try await use("/dev/asked", reader, kubelet) == "r w", "/dev/extras/two is the same device, for all")
                let refused = try await kubelet.runPod("refused") { $0.annotations["devices.crio.io"] = "/dev/loop0" }
                let error = await failure { try await kubelet.create("c", in: refused, "true") }
                #expect(error?.code == .invalidArgument && error?.message.contains("asks for /dev/loop0, which is not among") == true)
                let strict = try await runPod("strict", handler: "strict", kubelet) { $0.annotations["devices.crio.io"] = asked }
                let without = try await kubelet.run("c", in: strict, "exec sleep 1000")
                #expect(try await kubelet.exec(without, "[ -e /dev/asked ]").exitCode == 1)
                #expect(try Files.readText(daemon.logFile).contains("the annotation devices.crio.io has no effect"))
            }
        }

        @Test("A CDI device brings its node, variables, mounts, hooks and groups, from a file that came while the daemon runs")
        func cdi() async throws {
            try await withDevices(configuration: Self.cdiDirectories) { daemon, pod in
                let kubelet = daemon.kubelet
                let directory = daemon.directory
                func create(_ name: String) async throws -> String {
                    try await kubelet.run(name, in: pod, "exec sleep 1000") {
                        $0.cdiDevices = [.with { $0.name = "vendor.test/class=first" }]
                        $0.annotations["cdi.k8s.io/test"] = "vendor.test/class=first,vendor.test/class=second"
                    }
                }
                try Files.makeDirectories("\(directory)/cdi/high")
                try Files.write("{}", creating: "\(directory)/cdi/high/broken.json")
                let unknown = await failure { try await create("c") }
                #expect(unknown?.code == .invalidArgument)
                for part in [
                    "vendor.test/class=first, vendor.test/class=second", "\(directory)/cdi/low and \(directory)/cdi/high",
                    "\(directory)/cdi/high/broken.json was passed over: cdiVersion is missing",
                ] { #expect(unknown?.message.contains(part) == true, "\(unknown?.message ?? "")") }

                try Files.write(Self.specification(directory), creating: "\(directory)/cdi/high/vendor.yaml")
                let id = try await create("c")
                #expect(try await kubelet.output(id, "stat -c '%t:%T %a' /dev/vendor") == "7:0 640")
                #expect(try await use("/dev/vendor", id, kubelet) == "r")
                #expect(try await kubelet.output(id, "echo $VENDOR $SECOND; cat /opt/vendor/file; id -G") == "first second\nmounted\n0 4242")
                #expect(try await kubelet.status(id).user.linux.supplementalGroups == [0, 4242])
                #expect(try Files.readText("\(directory)/hooked").contains(id))
                #expect(try await kubelet.output(id, "cat /tmp/started") == "inside")
            }
        }

        @Test("CDI files of later directories win, two of one directory conflict, and what is no name is refused")
        func cdiConflicts() async throws {
            try await withDevices(configuration: Self.cdiDirectories) { daemon, pod in
                let kubelet = daemon.kubelet
                for (place, value) in [("low/a", "low"), ("low/b", "lower"), ("high/a", "high")] {
                    try Files.makeDirectories("\(daemon.directory)/cdi/\(place.prefix { $0 != "/" })")
                    let text = #"{"cdiVersion": "0.3.0", "kind": "v/c", "devices": [{"name": "d", "containerEdits": {"env": ["FROM=\#(value)"]}}]}"#
                    try Files.write(text, creating: "\(daemon.directory)/cdi/\(place).json")
                }
                func create(_ name: String, _ device: String) async throws -> String {
                    try await kubelet.run(name, in: pod, "exec sleep 1000") { $0.cdiDevices = [.with { $0.name = device }] }
                }
                let id = try await create("high", "v/c=d")
                #expect(try await kubelet.output(id, "echo $FROM") == "high")
                try Files.removeTree("\(daemon.directory)/cdi/high/a.json")
                let conflict = await failure { try await create("conflict", "v/c=d") }
                let files = "\(daemon.directory)/cdi/low/a.json and by \(daemon.directory)/cdi/low/b.json"
                #expect(conflict?.code == .invalidArgument && conflict?.message.contains(files) == true, "\(conflict?.message ?? "")")
                let malformed = await failure { try await create("malformed", "gpu0") }
                #expect(malformed?.code == .invalidArgument && malformed?.message.contains("'gpu0' is no name") == true)
            }
        }

        // MARK: -

        private static func cdiDirectories(_ directory: String) -> String {
            "[crio.runtime]\ncdi_spec_dirs = [\"\(directory)/cdi/low\", \"\(directory)/cdi/high\"]\n"
        }

        private static func specification(_ directory: String) -> String {
            """
            cdiVersion: 0.7.0
            kind: vendor.test/class
            containerEdits:
              mounts:
                - {hostPath: \(directory)/volume, containerPath: /opt/vendor, options: [rbind, ro]}
              hooks:
                - {hookName: createRuntime, path: /bin/sh, args: [sh, -c, cat >\(directory)/hooked]}
                - {hookName: startContainer, path: /bin/sh, args: [sh, -c, echo inside >/tmp/started]}
              additionalGids: [4242]
            devices:
              - name: first
                containerEdits:
                  env: [VENDOR=first]
                  deviceNodes: [{path: /dev/vendor, hostPath: \(directory)/nodes/one, permissions: r}]
              - name: second
                containerEdits:
                  env: [SECOND=second]
            """
        }

        private func device(_ daemon: Daemon, _ node: String, _ path: String, _ access: String) -> Runtime_V1_Device {
            .with {
                $0.hostPath = node.isEmpty ? "\(daemon.directory)/nodes" : "\(daemon.directory)/nodes/\(node)"
                $0.containerPath = path
                $0.permissions = access
            }
        }

        /// Which of reading and writing a container may do with a device: "r", "w", "r w" or nothing.
        private func use(_ path: String, _ id: String, _ kubelet: Kubelet) async throws -> String {
            try await kubelet.output(id, "echo $(: <\(path) && echo r) $(: >>\(path) && echo w)")
        }

        private func runPod(
            _ name: String, handler: String, _ kubelet: Kubelet, _ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }
        ) async throws -> TestPod {
            let configuration = kubelet.podConfiguration(name, change)
            let response = try await kubelet.runtime.runPodSandbox(
                .with {
                    $0.config = configuration
                    $0.runtimeHandler = handler
                })
            return TestPod(id: response.podSandboxID, configuration: configuration)
        }

        /// A daemon with the image and a pod, and in its directory the host's nodes. A configuration that names the directory
        /// needs a start of its own.
        private func withDevices(
            configuration: ((String) -> String)? = nil, privileged: Bool = false, _ body: (Daemon, TestPod) async throws -> Void
        ) async throws {
            try await Daemon.during { daemon in
                try await shell(
                    """
                    mkdir -p \(daemon.directory)/nodes/below \(daemon.directory)/volume
                    cd \(daemon.directory)/nodes
                    mknod -m 640 one b 7 0
                    mknod -m 640 below/two b 7 0
                    ln -s one link
                    echo mounted >../volume/file
                    """)
                if let configuration {
                    try Files.makeDirectories("\(daemon.directory)/swiftlet.conf.d")
                    try Files.write(configuration(daemon.directory), creating: "\(daemon.directory)/swiftlet.conf.d/10-devices.conf")
                    try await daemon.restart()
                }
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                try await body(daemon, daemon.kubelet.runPod("pod") { $0.linux.securityContext.privileged = privileged })
            }
        }
    }
}
