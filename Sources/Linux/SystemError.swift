import Glibc

/// A system call that failed: which, on what, and the kernel's reason.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The call's name, `openat2` for example.
    public let call: String
    /// The value of `errno`.
    public let code: CInt
    /// What the call was about: a path, a process, an address.
    public let subject: String?

    /// Takes `errno` as it stands unless `code` is given.
    public init(_ call: String, code: CInt = errno, _ subject: String? = nil) {
        self.call = call
        self.code = code
        self.subject = subject
    }

    public var description: String {
        let reason = String(cString: strerror(code))
        guard let subject else { return "\(call): \(reason)" }
        return "\(call) \(subject): \(reason)"
    }
}

/// Calls `body` again while a signal interrupts it; throws what else makes it answer -1.
@discardableResult
public func check(_ call: String, _ subject: String? = nil, _ body: () -> CInt) throws(SystemError) -> CInt {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw SystemError(call, code: code, subject) }
    }
}
