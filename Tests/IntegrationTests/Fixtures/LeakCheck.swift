import Linux
import Testing

/// What a daemon whose pods are all gone must not leave on the machine.
struct LeakCheck: Sendable {
    let directory: String
    let network: TestNetwork

    /// Expects that nothing is left. What ends by itself, a monitor above all, has a moment for it.
    func expectNone(sourceLocation: SourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(3)
        var left = try await leaks()
        while !left.isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
            left = try await leaks()
        }
        #expect(left == [], "left behind", sourceLocation: sourceLocation)
    }

    /// One line for each thing that is left.
    func leaks() async throws -> [String] {
        let lines = try await [mounts(), processes(), cgroups(), addresses(), interfaces(), rules(), records()]
        return lines.flatMap { $0 }
    }

    private func mounts() throws -> [String] {
        try MountTable.read().filter { $0.mountPoint.hasPrefix(directory) }.map { "mount \($0.mountPoint)" }
    }

    /// Monitors and runtimes name the directory in their arguments; containers are found by their cgroups.
    private func processes() throws -> [String] {
        try Files.list("/proc").filter { Int32($0) != nil }.compactMap { pid in
            guard let arguments = try? Files.readText("/proc/\(pid)/cmdline"), arguments.contains(directory) else { return nil }
            return "process \(pid): \(arguments.split(separator: "\0").prefix(4).joined(separator: " "))"
        }
    }

    private func cgroups() async throws -> [String] {
        try await lines("find /sys/fs/cgroup -mindepth 2 -type d -path '*/\(network.name)/*'").map { "cgroup \($0)" }
    }

    private func addresses() async throws -> [String] {
        try await lines("find \(network.addresses) -type f -name '\(network.prefix)*' 2>/dev/null || true").map { "address \($0)" }
    }

    private func interfaces() async throws -> [String] {
        try await lines("ip -o link show master \(network.bridge) 2>/dev/null || true").map { "interface \($0)" }
    }

    private func rules() async throws -> [String] {
        try await lines("iptables-save | grep -F '\(network.name)' || true").map { "rule \($0)" }
    }

    /// Files and folders named after a pod or container, which have 64 hexadecimal digits, beside the layers and logs.
    private func records() async throws -> [String] {
        let names = "'.*/[0-9a-f]{64}[^/]*'"
        let found = try await lines(
            "find \(directory)/root \(directory)/run -regextype posix-extended -regex \(names) -prune 2>/dev/null || true")
        return found.filter { !$0.contains("/layers/") && !$0.contains("/blobs/") }.map { "file \($0)" }
    }

    private func lines(_ script: String) async throws -> [String] {
        try await shell(script).split(separator: "\n").map(String.init)
    }

    /// Removes whatever is left, by force.
    func destroy() async throws {
        try await shell(
            """
            for p in $(find /sys/fs/cgroup -path '*/\(network.name)/*' -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u); do
                kill -KILL $p 2>/dev/null || true
            done
            for p in /proc/[0-9]*; do
                tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -qF '\(directory)' && [ ${p#/proc/} != $$ ] && kill -KILL ${p#/proc/} 2>/dev/null || true
            done
            ip link del \(network.bridge) 2>/dev/null || true
            iptables-save -t nat | grep -F '\(network.name)' | sed -n 's/^-A/iptables -t nat -D/p' | bash 2>/dev/null || true
            for i in 1 2 3 4 5; do
                find /sys/fs/cgroup -depth -type d -path '*/\(network.name)*' -exec rmdir {} + 2>/dev/null && break || sleep 0.05
            done
            """)
        try Mounts.unmountAll(below: directory)
        try Files.removeTree(directory)
    }
}
