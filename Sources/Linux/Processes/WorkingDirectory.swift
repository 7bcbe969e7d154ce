import CLinux
import Glibc
import Synchronization

/// Working directories of threads, credentials(7) "CLONE_FS": all threads of a process share one unless a thread takes its own.
public enum WorkingDirectory {
    /// Runs `body` on a thread of its own that is in `directory`, and waits for it. The process's other threads stay where they are.
    /// Blocks.
    /// - Throws: `SystemError` where there is no thread or no such directory; what `body` throws.
    @discardableResult
    public static func run<R: Sendable>(in directory: String, _ body: @escaping @Sendable () throws -> R) throws -> R {
        let work = Work<R>(directory, body)
        let argument = Unmanaged.passRetained(work as AnyWork).toOpaque()
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<AnyWork>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, argument)
        guard error == 0 else {
            Unmanaged<AnyWork>.fromOpaque(argument).release()
            throw SystemError("pthread_create", code: error)
        }
        pthread_join(thread, nil)
        guard let outcome = work.outcome.withLock({ $0 }) else { throw SystemError("pthread_join", code: ESRCH) }
        return try outcome.get()
    }

    private class AnyWork {
        func run() {}
    }

    private final class Work<R: Sendable>: AnyWork {
        let directory: String
        let body: @Sendable () throws -> R
        let outcome = Mutex<Result<R, any Error>?>(nil)

        init(_ directory: String, _ body: @escaping @Sendable () throws -> R) { (self.directory, self.body) = (directory, body) }

        override func run() {
            let result = Result {
                try check("unshare", "the thread's working directory") { clinux_unshare(0x200) }
                try check("chdir", directory) { chdir(directory) }
                return try body()
            }
            outcome.withLock { $0 = result }
        }
    }
}
