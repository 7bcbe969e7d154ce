import CRI
import Glibc

/// Signals as the CRI, images and the kernel name them.
enum StopSignal {
    static let names: [String: Int32] = [
        "ABRT": SIGABRT, "ALRM": SIGALRM, "BUS": SIGBUS, "CHLD": SIGCHLD, "CLD": SIGCHLD, "CONT": SIGCONT, "FPE": SIGFPE,
        "HUP": SIGHUP, "ILL": SIGILL, "INT": SIGINT, "IO": SIGIO, "IOT": SIGABRT, "KILL": SIGKILL, "PIPE": SIGPIPE,
        "POLL": SIGPOLL, "PROF": SIGPROF, "PWR": SIGPWR, "QUIT": SIGQUIT, "SEGV": SIGSEGV, "STKFLT": 16, "STOP": SIGSTOP,
        "SYS": SIGSYS, "TERM": SIGTERM, "TRAP": SIGTRAP, "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG,
        "USR1": SIGUSR1, "USR2": SIGUSR2, "VTALRM": SIGVTALRM, "WINCH": SIGWINCH, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
        "RTMIN": 34, "RTMAX": 64,
    ]

    /// The request's signal, else the image's, else SIGTERM.
    static func number(_ requested: Runtime_V1_Signal, image: String?) -> Int32 {
        if requested != .runtimeDefault, let number = number(message: requested) { return number }
        return image.flatMap(number(text:)) ?? SIGTERM
    }

    /// `SIGTERM`, `term`, `15`, `SIGRTMIN+3`; nil for what is no signal.
    static func number(text: String) -> Int32? {
        let upper = text.uppercased()
        if let number = Int32(upper) { return (1...64).contains(number) ? number : nil }
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let number = names[name] { return number }
        if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (1...30).contains(offset) { return 34 + offset }
        if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (1...30).contains(offset) { return 64 - offset }
        return nil
    }

    /// The CRI's enumeration: named signals up to 34, then the real-time ones in order.
    static func number(message: Runtime_V1_Signal) -> Int32? {
        switch message.rawValue {
        case 35...50: Int32(message.rawValue - 35 + 34)
        case 51...65: Int32(message.rawValue - 51 + 50)
        default: number(text: "\(message)".signalName)
        }
    }

    /// The CRI's value of a number; the first of those that share it.
    static func message(number: Int32) -> Runtime_V1_Signal {
        Runtime_V1_Signal.allCases.first { $0 != .runtimeDefault && self.number(message: $0) == number } ?? .runtimeDefault
    }
}

extension String {
    /// Swift's name of a generated case (`sigterm`) as the kernel's.
    fileprivate var signalName: String { uppercased() }
}
