import FoundationEssentials
import Glibc
import Linux

/// Whether containers can be checkpointed and restored on this host, by CRIU (criu(8)).
public enum CheckpointSupport: Sendable, Equatable {
    /// CRIU finds on this kernel all that it needs.
    case works(version: String)
    /// The configuration says no.
    case disabled
    /// There is no criu where the runtimes look for it.
    case absent
    /// CRIU is there and does not work on this kernel.
    case broken(version: String, reason: String)

    /// Asks `criu check`, which takes some hundredths of a second.
    public static func probe(enabled: Bool) async -> CheckpointSupport {
        guard enabled else { return .disabled }
        let places: [String] = OCIRuntime.searchPath.map { "\($0)/criu" }
        guard let file = places.first(where: { Glibc.access($0, X_OK) == 0 }) else { return .absent }
        func run(_ argument: String) async throws -> CommandOutput {
            try await Command(file, [argument], environment: ["PATH": OCIRuntime.searchPath.joined(separator: ":")]).run(
                timeout: .seconds(20))
        }
        do {
            let version = version(in: String(decoding: try await run("--version").output, as: UTF8.self))
            let check = try await run("check")
            if check.status.isSuccess { return .works(version: version) }
            let said = String(decoding: check.output + check.error, as: UTF8.self)
            return .broken(version: version, reason: CRIULog.essence(said) ?? "it ends with code \(check.status.code)")
        } catch {
            return .broken(version: "", reason: "\(error)")
        }
    }

    /// The number in `Version: 4.2`.
    static func version(in text: String) -> String {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Version:") }) else { return "" }
        return line.dropFirst("Version:".count).filter { !$0.isWhitespace }
    }

    /// Why there are no checkpoints, and what to do; nil where there are.
    public var problem: String? {
        switch self {
        case .works: nil
        case .disabled: "checkpoints are switched off: set enable_criu_support in [crio.runtime] to true"
        case .absent: "criu is not installed: install it where the runtime finds it (\(OCIRuntime.searchPath.joined(separator: ", ")))"
        case .broken(let version, let reason):
            "criu \(version) does not work on this host: \(reason) (`criu check` says more; a newer criu may)"
        }
    }
}

/// What CRIU writes into its log: `(00.074627) Error (criu/files-reg.c:1790): TEXT`.
enum CRIULog {
    /// The first error, which the later ones follow from; nil where there is none.
    static func essence(_ text: String) -> String? {
        let errors = text.split(separator: "\n").compactMap { line -> String? in
            guard let mark = line.range(of: "Error (") else { return nil }
            let rest = line[mark.upperBound...]
            guard let end = rest.range(of: "): ") else { return String(rest) }
            return String(rest[end.upperBound...])
        }
        // CRIU would like a higher limit of open files, and goes on without.
        return errors.first { !$0.hasPrefix("rlimit: ") } ?? errors.first
    }

    /// The first error of a log file.
    static func essence(file: String) -> String? { (try? Files.readText(file)).flatMap { essence($0) } }
}
