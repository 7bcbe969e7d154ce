import CRI
import FoundationEssentials
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    /// What the configuration says about all containers, as a container sees it.
    @Suite struct Configured {
        @Test("A hook changes what a container sees; files come, go and may be wrong while the daemon runs")
        func hooks() async throws {
            try await withPod("[crio.runtime]\nhooks_dir = [\"@/first\", \"@/second\"]\n") { daemon, pod in
                let kubelet = daemon.kubelet
                func names(_ name: String, _ hostname: String, _ when: String) throws {
                    let script = "pid=$(sed 's/.*\\\"pid\\\": *\\\\([0-9]*\\\\).*/\\\\1/'); nsenter --uts=/proc/$pid/ns/uts hostname \(hostname)"
                    try Files.makeDirectories("\(daemon.directory)/\(name.split(separator: "/")[0])")
                    try Files.write(
                        """
                        {"version": "1.0.0", "hook": {"path": "/bin/sh", "args": ["sh", "-c", "\(script)"], "env": ["PATH=\(searchPath)"]},
                         "when": \(when), "stages": ["createRuntime"]}
                        """, creating: "\(daemon.directory)/\(name)")
                }
                func hostname(_ name: String, _ annotations: [String: String] = [:]) async throws -> String {
                    let id = try await kubelet.run(name, in: pod, "exec sleep 1000") { $0.annotations = annotations }
                    return try await kubelet.output(id, "hostname")
                }
                #expect(try await hostname("none") == "pod")
                try names("first/b.json", "first", #"{"annotations": {"^hook$": "^yes"}}"#)
                try Files.write("{", creating: "\(daemon.directory)/first/a.json")
                #expect(try await hostname("unmatched", ["hook": "no"]) == "pod")
                #expect(try await hostname("matched", ["hook": "yes, please"]) == "first")
                #expect(try Files.readText(daemon.logFile).contains("first/a.json"), "the log names the file that is wrong")
                try names("second/b.json", "second", #"{"commands": ["^/bin/sh$"]}"#)
                #expect(try await hostname("overridden", ["hook": "yes"]) == "second")
                try Files.removeTree("\(daemon.directory)/second/b.json")
                #expect(try await hostname("again", ["hook": "yes"]) == "first")
            }
        }

        @Test("A hook that does not end is ended with the container, its runtime and its monitor when the time for a creation is up")
        func hangingHook() async throws {
            let runtime = Combination.current.runtime
            // Fewer than the least number of seconds.
            let configuration = """
                [crio.runtime]
                hooks_dir = ["@/hooks"]
                [crio.runtime.runtimes.\(runtime)]
                container_create_timeout = 1
                """
            try await withPod(configuration) { daemon, pod in
                try addHangingHook(daemon)
                let error = await failure { try await daemon.kubelet.create("c", in: pod, "exec sleep 1000") }
                #expect(error?.message.contains("container_create_timeout") == true, "\(error?.message ?? "")")
                try await expectNoHook(daemon)
                _ = try await daemon.kubelet.run("c", in: pod, "exec sleep 1000")
            }
        }

        @Test("A hook that hangs when the daemon is killed is ended by the next one")
        func hangingHookOfBefore() async throws {
            try await withPod("[crio.runtime]\nhooks_dir = [\"@/hooks\"]\n") { daemon, pod in
                try addHangingHook(daemon)
                let asking = Task { try await daemon.kubelet.create("c", in: pod, "exec sleep 1000") }
                try await eventually("the hook runs") { (try? Files.readText("\(daemon.directory)/hook").contains("\n")) == true }
                try await daemon.restart(SIGKILL)
                _ = await asking.result
                try await expectNoHook(daemon)
                _ = try await daemon.kubelet.run("d", in: pod, "exec sleep 1000")
            }
        }

        private func addHangingHook(_ daemon: Daemon) throws {
            try Files.makeDirectories("\(daemon.directory)/hooks")
            let script = "echo $$ > \(daemon.directory)/hook; exec sleep 100000"
            try Files.write(
                """
                {"version": "1.0.0", "hook": {"path": "/bin/sh", "args": ["sh", "-c", "\(script)"], "env": ["PATH=\(searchPath)"]},
                 "when": {"always": true}, "stages": ["createRuntime"]}
                """, creating: "\(daemon.directory)/hooks/a.json")
        }

        /// Waits until the hook that hangs is gone, and takes it away.
        private func expectNoHook(_ daemon: Daemon) async throws {
            let hook = try Files.readText("\(daemon.directory)/hook").filter(\.isNumber)
            try await eventually("the hook is gone") { !Files.exists("/proc/\(hook)") }
            try Files.removeTree("\(daemon.directory)/hooks/a.json")
        }

        @Test("The time zone and the default mounts; a container changes its copy alone")
        func zoneAndMounts() async throws {
            let configuration = "[crio.runtime]\ntimezone = \"Asia/Tokyo\"\ndefault_mounts_file = \"@/mounts.conf\"\ndefault_mounts = [\"@/more\"]\n"
            try await withPod(configuration) { daemon, pod in
                try Files.makeDirectories("\(daemon.directory)/secret/below")
                try Files.write("token\n", creating: "\(daemon.directory)/secret/below/file")
                try Files.write("more\n", creating: "\(daemon.directory)/more")
                try Files.write("# all\n\(daemon.directory)/secret:/run/secret\n/not/there:/x\n", creating: "\(daemon.directory)/mounts.conf")
                let id = try await daemon.kubelet.run("c", in: pod, "exec sleep 1000")
                #expect(try await daemon.kubelet.output(id, "date +%Z") == "JST")
                #expect(try await daemon.kubelet.output(id, "cat /run/secret/below/file \(daemon.directory)/more") == "token\nmore")
                #expect(try await daemon.kubelet.exec(id, "echo own >/run/secret/below/file").exitCode == 0)
                #expect(try Files.readText("\(daemon.directory)/secret/below/file") == "token\n")
                #expect(try await daemon.kubelet.exec(id, "echo x >/etc/localtime").exitCode != 0, "the host's file is read-only")
            }
        }

        @Test("A workload's limits are in the containers' cgroups, and an annotation wins for one of them")
        func workload() async throws {
            let configuration = """
                [crio.runtime.workloads.management]
                activation_annotation = "target.example/management"
                annotation_prefix = "resources.example"
                resources = { cpushares = 200\(CgroupFile.cpus.isOffered ? ", cpuset = \"0\"" : "") }
                """
            let annotations = ["target.example/management": "", "resources.example/special": #"{"cpushares": 300, "cpulimit": 50}"#]
            try await withPod(configuration, { $0.annotations = annotations }) { daemon, pod in
                let kubelet = daemon.kubelet
                let shares = "cat /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/cpu.weight"
                let quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d ' ' -f 1 /sys/fs/cgroup/cpu.max"
                let allowed = "sed -n 's/Cpus_allowed_list:.//p' /proc/self/status"
                let plain = try await kubelet.run("plain", in: pod, "exec sleep 1000") { $0.linux.resources.cpuShares = 512 }
                #expect(["200", "8"].contains(try await kubelet.output(plain, shares)))
                if CgroupFile.cpus.isOffered { #expect(try await kubelet.output(plain, allowed) == "0") }
                let special = try await kubelet.run("special", in: pod, "exec sleep 1000")
                #expect(["300", "12"].contains(try await kubelet.output(special, shares)))
                #expect(try await kubelet.output(special, quota) == "5000")
                if CgroupFile.cpus.isOffered { #expect(try await kubelet.output(special, allowed) == "0") }
            }
        }

        @Test("A blockio class throttles; RDT that is not configured is refused, and blockio is passed over")
        func classes() async throws {
            let device = try await shell("lsblk -dnro PATH,MAJ:MIN,TYPE | awk '$3 == \"disk\" { print $1, $2; exit }'").split(whereSeparator: \.isWhitespace)
            let path = try #require(device.first, "no disk")
            let number = try #require(device.last)
            try await withPod("", { $0.annotations = ["blockio.resources.beta.kubernetes.io/container.slow": "Slow"] }) { daemon, pod in
                let kubelet = daemon.kubelet
                let throttles = "cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device 2>/dev/null || cat /sys/fs/cgroup/io.max"
                let before = try await kubelet.run("slow", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(before, throttles) == "")
                try await kubelet.remove(before)
                let rdt = await failure {
                    try await kubelet.create("rdt", in: pod, "true") { $0.annotations = ["io.kubernetes.cri.rdt-class": "gold"] }
                }
                #expect(rdt?.code == .failedPrecondition && rdt?.message.contains("rdt_config_file") == true)
                try Files.write(
                    "Classes:\n  Slow:\n  - Devices: [\(path)]\n    ThrottleReadBps: 3M\n", creating: "\(daemon.directory)/blockio.yaml")
                try await daemon.reload("[crio.runtime]\nblockio_config_file = \"@/blockio.yaml\"\n")
                let slow = try await kubelet.run("slow", in: pod, "exec sleep 1000")
                let line = try await kubelet.output(slow, throttles)
                #expect(line.contains(number) && line.contains("3000000"))
                let unknown = await failure {
                    try await kubelet.create("x", in: pod, "true") { $0.annotations = ["io.kubernetes.cri.blockio-class": "none"] }
                }
                #expect(unknown?.code == .invalidArgument && unknown?.message.contains("Slow") == true)
            }
        }

        @Test("SIGHUP: new containers of old pods go by the new configuration, and a wrong one changes nothing")
        func reload() async throws {
            try await withPod("") { daemon, pod in
                let kubelet = daemon.kubelet
                let view = "echo $FROM; cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max; date +%Z"
                let old = try await kubelet.run("old", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(old, view) == "\nmax\nUTC")
                try await daemon.reload("[crio.runtime]\ndefault_env = [\"FROM=reload\"]\npids_limit = 77\ntimezone = \"Asia/Tokyo\"\n")
                let new = try await kubelet.run("new", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(new, view) == "reload\n77\nJST")
                try await daemon.reload("[crio.runtime]\ntimezone = \"No/Where\"\npids_limit = 78\n", says: "reloading failed")
                let same = try await kubelet.run("same", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(same, view) == "reload\n77\nJST")
                #expect(try Files.readText(daemon.logFile).contains("No/Where"))
            }
        }

        @Test("A handler's annotations and least memory, and a handler that a reload takes away serves its pods on")
        func handler() async throws {
            let configuration = """
                [crio.runtime.runtimes.other]
                runtime_path = "\(try await shell("command -v \(Combination.current.runtime)").filter { !$0.isNewline })"
                default_annotations = { "mark.example" = "default" }
                container_min_memory = "16MiB"
                """
            try await withPod(configuration, handler: "other") { daemon, pod in
                let kubelet = daemon.kubelet
                let small = await failure {
                    try await kubelet.create("small", in: pod, "true") { $0.linux.resources.memoryLimitInBytes = 8 << 20 }
                }
                #expect(small?.code == .invalidArgument && small?.message.contains("container_min_memory") == true)
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000")
                let info = try await kubelet.runtime.containerStatus(
                    .with {
                        $0.containerID = id
                        $0.verbose = true
                    }
                ).info["info"]
                #expect(info?.contains(#""mark.example":"default""#) == true)
                try await daemon.reload("")
                #expect(try await kubelet.output(id, "echo on") == "on")
                #expect(try await kubelet.output(try await kubelet.run("more", in: pod, "exec sleep 1000"), "echo too") == "too")
            }
        }

        @Test("infra_ctr_cpuset is where a pod's init runs")
        func initCPUs() async throws {
            let last = try await shell("nproc").filter(\.isNumber)
            let cpu = (Int(last) ?? 1) - 1
            let shared: (inout Runtime_V1_PodSandboxConfig) -> Void = { $0.linux.securityContext.namespaceOptions.pid = .pod }
            try await withPod("[crio.runtime]\ninfra_ctr_cpuset = \"\(cpu)\"\n", shared) { daemon, pod in
                let id = try await daemon.kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.namespaceOptions.pid = .pod
                }
                #expect(try await daemon.kubelet.output(id, "sed -n 's/Cpus_allowed_list:.//p' /proc/1/status") == "\(cpu)")
            }
        }

        @Test(
            "What is wrong is said at start",
            arguments: [
                ("[crio.runtime]\ntimezone = \"Mars/Olympus\"\n", "Mars/Olympus"),
                ("[crio.runtime]\ninfra_ctr_cpuset = \"3-1\"\n", "infra_ctr_cpuset"),
                ("[crio.runtime]\nblockio_config_file = \"/no/such/file\"\n", "/no/such/file"),
                ("[crio.runtime]\nconmon_cgroup = \"/x\"\n", "conmon_cgroup: the monitors' cgroup is '/x'"),
                ("[crio.runtime.workloads.w]\nannotation_prefix = \"x\"\n", "[crio.runtime.workloads.w]: it has no activation_annotation"),
                ("[crio.runtime.runtimes.runc]\ncontainer_min_memory = \"lots\"\n", "container_min_memory"),
            ])
        func wrong(text: String, message: String) async throws {
            let directory = try makeTemporaryDirectory()
            defer { try? Files.removeTree(directory) }
            // Without a directory of its own the daemon would make the host's.
            try Files.write("\(text)[crio.network]\nnetwork_dir = \"\(directory)/net.d\"\n", creating: "\(directory)/f.conf")
            let arguments = [
                "serve", "--config", "\(directory)/f.conf", "--config-dir", "\(directory)/none", "--root", "\(directory)/root", "--runroot",
                "\(directory)/run", "--listen", "\(directory)/socket",
            ]
            let command = Command(try Daemon.program("swiftlet"), arguments, environment: ["PATH": searchPath])
            let output = try await command.run(timeout: .seconds(20))
            #expect(!output.status.isSuccess && output.errorText.contains(message), "\(output.errorText)")
        }

        /// A pod of a daemon whose configuration has `more`, where @ is the daemon's directory.
        private func withPod(
            _ more: String, _ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }, handler: String = "",
            _ body: (Daemon, TestPod) async throws -> Void
        ) async throws {
            try await Daemon.during { daemon in
                if !more.isEmpty { try await daemon.reload(more) }
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                let configuration = daemon.kubelet.podConfiguration("pod", change)
                let response = try await daemon.kubelet.runtime.runPodSandbox(
                    .with {
                        $0.config = configuration
                        $0.runtimeHandler = handler
                    })
                try await body(daemon, TestPod(id: response.podSandboxID, configuration: configuration))
            }
        }
    }
}
