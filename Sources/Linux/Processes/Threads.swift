import CLinux
import Glibc

/// Starts a thread of its own that runs `body` to its end, with all signals blocked.
///
/// For the few loops that wait in the kernel for the life of the process, and for work that changes the thread itself
/// (setns, unshare) so that the thread must not be used again.
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    let box = Unmanaged.passRetained(Box(name, body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let error = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_SETMASK, &all, nil)
            clinux_set_thread_name(box.name)
            box.body()
            return nil
        }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(error == 0, "the kernel gives no thread for \(name): \(String(cString: strerror(error)))")
}
