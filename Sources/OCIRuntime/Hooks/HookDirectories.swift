import Glibc
import Linux
import Logging
import Synchronization

/// The directories of hooks' files (`hooks_dir`). A change is seen by the next container: the files are looked at for each one,
/// and read again when one has changed.
public final class HookDirectories: Sendable {
    private struct State {
        var marks: [FileMark] = []
        var hooks = HookSet()
        var problems: [HookProblem] = []
    }

    public let directories: [String]
    private let logger: Logger
    private let state = Mutex(State())

    public init(_ directories: [String], logger: Logger) {
        self.directories = directories
        self.logger = logger
    }

    /// The hooks in force. A file that is not understood is left out and told of in the log, once. Blocks.
    public func current() -> HookSet {
        let marks = FileMark.marks(of: directories)
        return state.withLock { state in
            // A problem may go without a change of the file: by the program being installed.
            if state.marks == marks, state.problems.isEmpty { return state.hooks }
            let (hooks, problems) = Self.read(directories)
            for problem in problems where !state.problems.contains(problem) {
                logger.error("a hook is left out", metadata: ["file": "\(problem.file)", "reason": "\(problem.reason)"])
            }
            state = State(marks: marks, hooks: hooks, problems: problems)
            return hooks
        }
    }

    /// Reads all files. Directories that are not there have none. Blocks.
    public static func read(_ directories: [String]) -> (hooks: HookSet, problems: [HookProblem]) {
        var problems: [HookProblem] = []
        let sets = directories.map { directory in
            var set: [String: HookDefinition] = [:]
            for name in names(in: directory) {
                let path = "\(directory)/\(name)"
                do {
                    let definition = try HookDefinition(json: try Files.readBytes(path))
                    guard Files.exists(definition.hook.path) else { throw HookError("this host has no \(definition.hook.path)") }
                    set[name] = definition
                } catch {
                    problems.append(HookProblem(file: path, reason: "\(error)"))
                }
            }
            return set
        }
        return (HookSet(sets), problems)
    }

    fileprivate static func names(in directory: String) -> [String] {
        ((try? Files.list(directory)) ?? []).filter { $0.hasSuffix(".json") }
    }
}

/// A hook's file that is left out, and why.
public struct HookProblem: Sendable, Equatable {
    public let file: String
    public let reason: String
}

/// What tells that a file is another than before.
private struct FileMark: Equatable {
    let path: String
    let inode: UInt64
    let size: Int64
    let changed: [Int]

    static func marks(of directories: [String]) -> [FileMark] {
        directories.flatMap { directory in
            HookDirectories.names(in: directory).compactMap { name -> FileMark? in
                var status = stat()
                let path = "\(directory)/\(name)"
                guard stat(path, &status) == 0 else { return nil }
                return FileMark(
                    path: path, inode: UInt64(status.st_ino), size: Int64(status.st_size),
                    changed: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
            }
        }
    }
}
