import Glibc
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

    private func processes() throws -> [String] {
        try ownProcesses().map { "process \($0.pid): \($0.arguments.split(separator: "\0").prefix(4).joined(separator: " "))" }
    }

    /// Monitors and runtimes: they name the directory in their arguments.
    private func ownProcesses() throws -> [(pid: Int32, arguments: String)] {
        try Files.list("/proc").compactMap { Int32($0) }.compactMap { pid in
            guard let arguments = try? Files.readText("/proc/\(pid)/cmdline"), arguments.contains(directory) else { return nil }
            return (pid, arguments)
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

    /// Files and folders named after a pod or container, by 64 hexadecimal digits. Digests, which images are kept by, have as many.
    private func records() async throws -> [String] {
        let images = "-path \(directory)/root/documents -o -path \(directory)/root/layers"
        let names = "-regextype posix-extended -regex '.*/[0-9a-f]{64}[^/]*'"
        let find = "find \(directory)/root \(directory)/run \\( \(images) \\) -prune -o \(names) -print -prune"
        return try await lines(find).map { "file \($0)" }
    }

    private func lines(_ script: String) async throws -> [String] {
        try await shell(script).split(separator: "\n").map(String.init)
    }

    /// Removes whatever is left, by force.
    func destroy() async throws {
        for process in try ownProcesses() { kill(process.pid, SIGKILL) }
        try await shell(
            """
            groups() { find /sys/fs/cgroup -depth -type d -path '*/\(network.name)*'; }
            for file in $(groups | sed 's|$|/cgroup.procs|'); do
                for pid in $(cat $file 2>/dev/null); do kill -KILL $pid 2>/dev/null || true; done
            done
            for try in 1 2 3 4 5; do
                [ -n "$(groups)" ] || break
                groups | xargs rmdir 2>/dev/null || sleep 0.05
            done
            ip link del \(network.bridge) 2>/dev/null || true
            iptables-save -t nat | grep -F '\(network.name)' | sed -n 's/^-A/iptables -t nat -D/p' | bash 2>/dev/null || true
            """)
        try Mounts.unmountAll(below: directory)
        try Files.removeTree(directory)
    }
}
