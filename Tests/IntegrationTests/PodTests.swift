import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Pods {
        @Test("A pod gets an address, is reached there, and gives everything back")
        func lifecycle() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.busybox)
                let pod = try await kubelet.runPod("web")
                let status = try await kubelet.status(pod: pod.id)
                #expect(status.state == .sandboxReady)
                #expect(status.metadata == pod.configuration.metadata)
                #expect(status.labels == pod.configuration.labels)
                #expect(status.network.ip.hasPrefix(daemon.network.prefix))
                #expect(status.createdAt > 0)

                _ = try await kubelet.run("httpd", in: pod, "mkdir /www; echo reached >/www/index.html; exec httpd -f -p 80 -h /www")
                try await eventually("the pod's server answers the host") {
                    (try? await shell("curl -sf --max-time 2 http://\(status.network.ip)/")) == "reached\n"
                }
                #expect(Files.exists(daemon.network.addresses + "/\(daemon.network.name)/\(status.network.ip)"))

                _ = try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = pod.id })
                #expect(try await kubelet.status(pod: pod.id).state == .sandboxNotready)
                #expect(!Files.exists(daemon.network.addresses + "/\(daemon.network.name)/\(status.network.ip)"))
                _ = try await kubelet.runtime.removePodSandbox(.with { $0.podSandboxID = pod.id })
                let gone = await failure { try await kubelet.status(pod: pod.id) }
                #expect(gone?.code == .notFound)
            }
        }

        @Test("Stopping a pod ends its containers by force, at once")
        func force() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("stubborn")
                let id = try await kubelet.run("c", in: pod, "trap '' TERM; while :; do sleep 0.05; done")
                let start = ContinuousClock.now
                _ = try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = pod.id })
                #expect(ContinuousClock.now - start < .seconds(3))
                #expect(try await kubelet.status(id).exitCode == 137)
            }
        }

        @Test("Two containers of a pod share its network and memory, not their processes nor files")
        func sharing() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.busybox)
                let pod = try await kubelet.runPod("pair")
                _ = try await kubelet.run("first", in: pod, "echo mine >/file; echo ours >/dev/shm/file; exec nc -l -p 9000 -e echo hello")
                let second = try await kubelet.run("second", in: pod, "exec sleep 1000")
                try await eventually("the other container's server answers over loopback") {
                    try await kubelet.exec(second, "nc -w 1 127.0.0.1 9000 | grep -q hello").exitCode == 0
                }
                #expect(try await kubelet.output(second, "cat /dev/shm/file; test -e /file || echo absent") == "ours\nabsent")
                #expect(try await kubelet.output(second, "cat /proc/1/comm; hostname") == "sleep\npair")
            }
        }

        @Test("Containers see each other's processes where the pod shares its PID namespace, and zombies are reaped")
        func sharedProcesses() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.busybox)
                let pod = try await kubelet.runPod("pids") { $0.linux.securityContext.namespaceOptions.pid = .pod }
                func share(_ configuration: inout Runtime_V1_ContainerConfig) {
                    configuration.linux.securityContext.namespaceOptions.pid = .pod
                }
                _ = try await kubelet.run("sleeper", in: pod, "exec sleep 4242", share)
                let watcher = try await kubelet.run("watcher", in: pod, "exec sleep 1000", share)
                #expect(try await kubelet.output(watcher, "ps -o args").contains("sleep 4242"))
                _ = try await kubelet.exec(watcher, "(sleep 0.1 &) ; true")
                try await eventually("orphans do not stay as zombies") {
                    try await !kubelet.output(watcher, "cat /proc/[0-9]*/stat").contains(") Z ")
                }
            }
        }

        @Test("The host's network, its hostname and DNS settings")
        func hostNetwork() async throws {
            let lab = try Lab.current
            try await Daemon.during(networked: false) { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.busybox)
                let pod = try await kubelet.runPod("host") {
                    $0.hostname = ""
                    $0.linux.securityContext.namespaceOptions.network = .node
                }
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.namespaceOptions.network = .node
                }
                #expect(try await kubelet.output(id, "readlink /proc/self/ns/net") == readLink("/proc/self/ns/net"))
                #expect(try await kubelet.status(pod: pod.id).network.ip == "")
            }
        }

        @Test("DNS, sysctls and the port on the host that a pod asks for")
        func settings() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.busybox)
                let port = Int32.random(in: 20000...30000)
                let pod = try await kubelet.runPod("settings") {
                    $0.dnsConfig = .with {
                        $0.servers = ["192.0.2.53"]
                        $0.searches = ["tests.example"]
                        $0.options = ["ndots:3"]
                    }
                    $0.linux.sysctls = ["net.ipv4.ip_unprivileged_port_start": "7", "kernel.shm_rmid_forced": "1"]
                    $0.portMappings = [
                        .with {
                            $0.containerPort = 80
                            $0.hostPort = port
                        }
                    ]
                }
                let id = try await kubelet.run("c", in: pod, "mkdir /www; echo mapped >/www/index.html; exec httpd -f -p 80 -h /www")
                let resolver = try await kubelet.output(id, "cat /etc/resolv.conf")
                #expect(resolver.split(separator: "\n") == ["search tests.example", "nameserver 192.0.2.53", "options ndots:3"])
                let settings = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced"
                #expect(try await kubelet.output(id, settings) == "7\n1")
                try await eventually("the port on the host answers") {
                    (try? await shell("curl -sf --max-time 2 http://\(daemon.network.prefix)1:\(port)/")) == "mapped\n"
                }
            }
        }

        @Test("What a container writes to its pod's files takes nothing of the run directory")
        func filling() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod") { $0.dnsConfig.servers = ["192.0.2.53"] }
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(id, "echo 'nameserver 192.0.2.54' >>/etc/resolv.conf; tail -n 1 /etc/resolv.conf") == "nameserver 192.0.2.54")
                let filling = try await kubelet.exec(id, "dd if=/dev/zero of=/etc/resolv.conf bs=65536 count=64")
                #expect(filling.exitCode != 0)
                #expect(try Files.readBytes("\(daemon.runroot)/pods/\(pod.id)/etc/resolv.conf").count < 1 << 20)
                let refused = await failure { try await kubelet.runPod("large") { $0.dnsConfig.options = [String(repeating: "x", count: 1 << 20)] } }
                #expect(refused?.code == .invalidArgument)
            }
        }

        @Test("NetworkReady follows the configuration files while the daemon runs")
        func readiness() async throws {
            try await Daemon.during(networked: false) { daemon in
                let kubelet = daemon.kubelet
                func network() async throws -> Runtime_V1_RuntimeCondition {
                    let conditions = try await kubelet.runtime.status(.init()).status.conditions
                    return try #require(conditions.first { $0.type == "NetworkReady" })
                }
                let before = try await network()
                #expect(!before.status)
                #expect(!before.reason.isEmpty && !before.message.isEmpty)
                let refused = await failure { try await kubelet.runPod("early") }
                #expect(refused != nil, "no pod without a network")
                try daemon.network.write()
                try await eventually("the network is ready") { try await network().status }
                let pod = try await kubelet.runPod("early")
                try daemon.network.remove()
                try await eventually("the network is not ready") { try await !network().status }
                try await kubelet.removePod(pod.id)
            }
        }

        @Test("A plugin's failure reaches the caller in the plugin's words, and is undone")
        func pluginFailure() async throws {
            try await Daemon.during { daemon in
                let plugin = daemon.network.plugins + "/refusing"
                try Files.write(
                    """
                    #!/bin/sh
                    cat >/dev/null
                    echo $CNI_COMMAND >>\(daemon.directory)/calls
                    [ $CNI_COMMAND = VERSION ] && echo '{"cniVersion":"0.4.0","supportedVersions":["0.4.0"]}' && exit 0
                    [ $CNI_COMMAND = ADD ] || exit 0
                    echo '{"cniVersion":"0.4.0","code":142,"msg":"the shelf is empty"}'
                    exit 1

                    """, creating: plugin)
                try await shell("chmod +x \(plugin)")
                let list = "\(daemon.network.configurations)/10-test.conflist"
                let chained = try Files.readText(list).replacing(#"{"type": "portmap""#, with: #"{"type": "refusing"}, {"type": "portmap""#)
                try Files.write(chained, creating: list)
                try await eventually("the daemon has seen the change") {
                    let refused = await failure { try await daemon.kubelet.runPod("refused") }
                    if refused == nil { try await daemon.kubelet.removeAllPods() }
                    return refused?.message.contains("the shelf is empty") == true
                }
                #expect(try Files.readText("\(daemon.directory)/calls").contains("DEL"), "what ADD had done is undone")
                let leaks = try await LeakCheck(directory: daemon.directory, network: daemon.network).leaks()
                #expect(leaks.filter { $0.hasPrefix("address") } == [])
            }
        }
    }
}
