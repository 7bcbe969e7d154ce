import ArgumentParser
import Glibc
import Linux

/// What came of the daemon's last reload, in its run directory: the command that asks for one tells it.
struct ReloadOutcome: Equatable {
    /// How many there have been since the daemon's start.
    var number: Int
    /// What was wrong; empty where nothing was.
    var problem: String

    static func path(runroot: String) -> String { "\(runroot)/reload" }

    init(number: Int, problem: String) { (self.number, self.problem) = (number, problem) }

    /// Reads `NUMBER PROBLEM`; nil for all else.
    init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let number = Int(first) else { return nil }
        self.init(number: number, problem: parts.count > 1 ? String(parts[1]) : "")
    }

    /// Blocks.
    func write(runroot: String) throws { try Files.writeAtomically(Array("\(number) \(problem)".utf8), to: Self.path(runroot: runroot)) }

    static func read(runroot: String) -> ReloadOutcome? { (try? Files.readText(path(runroot: runroot))).flatMap(ReloadOutcome.init) }
}

struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have a running daemon read its configuration anew.",
        discussion: "Waits until it has. Where something is wrong, that is said, and the daemon goes on with the configuration that it has.")

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The daemon's process.")
    var pid: Int32

    func run() async throws {
        let runroot = try options.load().configuration.crio.runroot
        let before = ReloadOutcome.read(runroot: runroot)
        guard pid > 1, kill(pid, SIGHUP) == 0 else { throw ValidationError("there is no process \(pid)") }
        // A reload runs no program that is slow; a busy node may take its time.
        for _ in 0..<600 {
            try await Task.sleep(for: .milliseconds(50))
            guard let now = ReloadOutcome.read(runroot: runroot), now != before else { continue }
            if now.problem.isEmpty { return }
            throw ValidationError("the configuration stays as it was: \(now.problem)")
        }
        throw ValidationError("process \(pid) did not say within 30 seconds what came of it: see its log")
    }
}
