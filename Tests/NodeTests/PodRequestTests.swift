import CRI
import Linux
import Logging
import OCIRuntime
import Testing

@testable import Node

@Suite struct PodSysctlTests {
    private let own = PodSysctls(.init())
    private let shared = PodSysctls(
        .with {
            $0.network = .node
            $0.ipc = .node
        })

    @Test(arguments: [
        "net.ipv4.tcp_syncookies", "net/ipv4/conf/eth0.1/forwarding", "kernel.shmmax", "kernel.sem", "fs.mqueue.msg_max",
        "kernel.hostname",
    ])
    func thoseOfThePodsNamespaces(_ name: String) throws { try own.check([name: "1"]) }

    @Test(arguments: [
        ("net.ipv4.tcp_syncookies", "network namespace, which the pod shares"), ("kernel.shm_rmid_forced", "IPC namespace, which the pod shares"),
        ("fs/mqueue/msg_max", "IPC namespace"), ("vm.swappiness", "whole host"), ("kernel.panic", "whole host"), ("kernel.shmmaxx", "whole host"),
    ])
    func thoseOfTheHost(_ name: String, _ reason: String) {
        #expect { try shared.check([name: "1"]) } throws: {
            if case NodeError.invalidArgument(let text) = $0 { text.contains(reason) && text.contains(name) } else { false }
        }
    }

    @Test(arguments: ["", "kernel", "net..x", ".net.x", "net.x.", "net/../kernel/panic", "net/./x", "net.x y", "net.x=1", "/net/x", "net.a\nb"])
    func whatIsNoName(_ name: String) { #expect(throws: NodeError.self) { try own.check([name: "1"]) } }

    @Test func aValueIsOneLine() { #expect(throws: NodeError.self) { try own.check(["net.ipv4.x": "1\n2"]) } }

    @Test func defaultsOfTheHostsNamespacesAreLeftOut() {
        let defaults = ["net.ipv4.a": "1", "kernel.shmmax": "2", "vm.swappiness": "3"]
        #expect(own.allowed(defaults) == ["net.ipv4.a": "1", "kernel.shmmax": "2"] && shared.allowed(defaults) == [:])
    }
}

@Suite struct NamespaceOptionTests {
    private typealias Options = Runtime_V1_NamespaceOption

    @Test func podsModes() throws {
        for mode in [Runtime_V1_NamespaceMode.pod, .node] {
            try Options.with { ($0.network, $0.ipc, $0.pid) = (mode, mode, mode) }.checkOfPod()
        }
        try Options.with { $0.pid = .container }.checkOfPod()
        for wrong in [
            Options.with { $0.network = .container }, .with { $0.ipc = .container }, .with { $0.pid = .target }, .with { $0.network = .target },
            .with { $0.pid = .UNRECOGNIZED(9) },
        ] { #expect(throws: NodeError.self) { try wrong.checkOfPod() } }
    }

    @Test func aContainerSharesNoMoreThanItsPod() throws {
        let host = Options.with { ($0.network, $0.ipc, $0.pid) = (.node, .node, .node) }
        let own = Options.with { $0.pid = .container }
        for (container, pod) in [
            (Options(), Options()), (own, own), (own, Options()), (host, host), (Options(), host), (own, host),
            (Options.with { ($0.pid, $0.targetID) = (.target, "x") }, own),
        ] { try container.check(inPod: pod) }
        for (container, pod, reason) in [
            (Options.with { ($0.network, $0.pid) = (.node, .container) }, own, "host's network"),
            (Options.with { $0.ipc = .node }, Options(), "host's IPC"), (Options.with { $0.pid = .node }, own, "host's PID"),
            (Options.with { $0.pid = .node }, Options(), "host's PID"), (Options(), own, "each container has one of its own"),
            (Options.with { $0.ipc = .container }, Options(), "POD or NODE"), (Options.with { $0.pid = .target }, own, "no target_id"),
            (Options.with { $0.pid = .UNRECOGNIZED(9) }, own, "9 is not known"),
        ] {
            #expect { try container.check(inPod: pod) } throws: {
                if case NodeError.invalidArgument(let text) = $0 { text.contains(reason) } else { false }
            }
        }
    }
}

@Suite struct PodLimitsTests {
    private let host = SpecHost(cgroupV2: true, hugepageSizes: ["2MB"], boundingSet: [])

    @Test func overheadComesOnTop() {
        let limits = PodLimits(
            .with {
                $0.resources.cpuShares = 100
                ($0.resources.cpuQuota, $0.resources.cpuPeriod) = (20000, 50000)
                $0.resources.memoryLimitInBytes = 1000
                $0.resources.cpusetCpus = "0"
                $0.resources.unified = ["memory.high": "1"]
                ($0.overhead.cpuShares, $0.overhead.cpuQuota, $0.overhead.cpuPeriod) = (10, 10000, 100_000)
                $0.overhead.memoryLimitInBytes = 24
                $0.overhead.hugepageLimits = [
                    .with { ($0.pageSize, $0.limit) = ("2MB", 3) }, .with { ($0.pageSize, $0.limit) = ("1GB", 3) },
                ]
                $0.overhead.unified = ["memory.high": "2", "memory.low": "3"]
            }
        ).cgroup(host)
        #expect(limits.cpuShares == 110 && limits.cpuPeriod == 50000 && limits.cpuQuota == 25000)
        #expect(limits.memory == 1024 && limits.memoryAndSwap == nil && limits.cpus == "0")
        #expect(limits.hugepages == ["2MB": 3] && limits.unified == ["memory.high": "1", "memory.low": "3"])
    }

    @Test func noWordAndNoLimit() {
        let none = PodLimits(.with { $0.overhead.memoryLimitInBytes = 5 }).cgroup(host)
        #expect(none.memory == nil && none.cpuQuota == nil && none.cpuShares == nil)
        let lifted = PodLimits(.with { ($0.resources.memoryLimitInBytes, $0.resources.cpuQuota) = (-1, -1) }).cgroup(host)
        #expect(lifted.memory == -1 && lifted.cpuQuota == -1)
        let huge = PodLimits(.with { ($0.resources.memoryLimitInBytes, $0.overhead.memoryLimitInBytes) = (.max, 1) }).cgroup(host)
        #expect(huge.memory == -1)
    }
}

@Suite struct UpdatedResourcesTests {
    private typealias Resources = Runtime_V1_LinuxContainerResources

    @Test func whatIsZeroStays() {
        let old = Resources.with {
            ($0.cpuShares, $0.cpuQuota, $0.cpuPeriod, $0.oomScoreAdj) = (1, 2, 3, 4)
            ($0.memoryLimitInBytes, $0.cpusetCpus, $0.cpusetMems) = (5, "0", "0")
            $0.hugepageLimits = [.with { ($0.pageSize, $0.limit) = ("2MB", 1) }, .with { ($0.pageSize, $0.limit) = ("1GB", 1) }]
            $0.unified = ["a.b": "1", "c.d": "1"]
        }
        #expect(old.updated(by: .init()) == old)
        let new = old.updated(
            by: .with {
                ($0.cpuQuota, $0.cpusetCpus) = (-1, "1")
                $0.hugepageLimits = [.with { ($0.pageSize, $0.limit) = ("1GB", 2) }]
                $0.unified = ["c.d": "2"]
            })
        #expect(new.cpuQuota == -1 && new.cpuShares == 1 && new.cpusetCpus == "1" && new.cpusetMems == "0")
        #expect(new.hugepageLimits.map(\.limit) == [1, 2] && new.unified == ["a.b": "1", "c.d": "2"])
    }

    @Test func swapGoesAlongWithMemory() {
        let old = Resources.with { ($0.memoryLimitInBytes, $0.memorySwapLimitInBytes) = (10, 20) }
        func swap(_ change: (inout Resources) -> Void) -> Int64 { old.updated(by: .with(change)).memorySwapLimitInBytes }
        #expect(swap { $0.memoryLimitInBytes = 15 } == 20)
        #expect(swap { $0.memoryLimitInBytes = 25 } == 0)
        #expect(swap { $0.memoryLimitInBytes = -1 } == 0)
        #expect(swap { ($0.memoryLimitInBytes, $0.memorySwapLimitInBytes) = (25, 30) } == 30)
    }
}

@Suite struct RuntimeHandlersTests {
    private func handlers(_ list: RuntimeHandler...) -> RuntimeHandlers {
        RuntimeHandlers(list, defaultName: "runc", logger: Logger(label: "test"))
    }

    private func handler(_ name: String, _ path: String, root: String = "/r") -> RuntimeHandler {
        RuntimeHandler(name: name, path: path, root: root, exitDirectory: "/e")
    }

    private func pod(_ handler: RuntimeHandler) -> PodRecord {
        PodRecord(
            id: "p", config: .init(), runtimeHandler: handler.name, runtime: PodRuntime(handler), requestedHandler: handler.name, createdAt: 1,
            phase: .ready, namespaces: .init(), hasNetwork: false, hostname: "h", cgroupParent: "/p", ownsCgroup: true)
    }

    @Test func aPodKeepsItsRuntime() throws {
        let old = handler("other", "/bin/true", root: "/old")
        let runc = handler("runc", "/bin/false")
        for now in [handlers(runc, handler("other", "/bin/sh", root: "/new")), handlers(runc)] {
            let kept = try now.runtime(of: pod(old)).handler
            #expect(kept.name == "other" && kept.path == "/bin/true" && kept.root == "/old")
        }
        // A runtime that was moved is found again, with the state where it was.
        let moved = handlers(runc, handler("other", "/bin/sh", root: "/new"))
        let found = try moved.runtime(of: pod(handler("other", "/no/such/file", root: "/old"))).handler
        #expect(found.path == "/bin/sh" && found.root == "/old")
    }

    @Test func anUnknownHandlerIsTheCallersError() {
        #expect { try handlers(handler("runc", "/x"), handler("crun", "/y")).runtime("kata") } throws: {
            if case NodeError.invalidArgument(let text) = $0 { text.contains("'kata'") && text.contains("crun, runc") } else { false }
        }
    }
}
