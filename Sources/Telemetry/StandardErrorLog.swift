import Glibc
import Logging
import Synchronization

/// Writes each event as one line of `key=value` to standard error. Under journald a line begins with its priority,
/// sd-daemon(3), and without the time, which journald keeps itself.
public struct StandardErrorLog: LogHandler {
    /// The control's, unless the logger has one of its own.
    public var logLevel: Logger.Level {
        get { own ?? control.level }
        set { own = newValue }
    }
    public var metadata: Logger.Metadata = [:]
    private let label: String
    private let journald: Bool
    private let control: LogControl
    private var own: Logger.Level?

    public init(label: String, control: LogControl, journald: Bool) {
        self.label = label
        self.control = control
        self.journald = journald
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        guard control.passes("\(event.message)") else { return }
        let line = Self.line(
            level: event.level, message: "\(event.message)", metadata: metadata.merging(event.metadata ?? [:]) { $1 },
            journald: journald, time: journald ? nil : Self.now())
        // One write a line: lines of several threads do not mix.
        line.withCString { _ = write(2, $0, strlen($0)) }
    }

    static func line(level: Logger.Level, message: String, metadata: Logger.Metadata, journald: Bool, time: String?) -> String {
        var line = journald ? "<\(priority(level))>" : ""
        if let time { line += "time=\(time) " }
        line += "level=\(level) msg=\(quoted(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(quoted("\(value)"))" }
        return line + "\n"
    }

    /// Text that has no white space, quotes or control characters stands as it is.
    static func quoted(_ text: String) -> String {
        if !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value > 32 && $0 != "\"" && $0 != "=" && $0.value != 127 }) { return text }
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            default:
                if scalar.value < 32 || scalar.value == 127 {
                    out += "\\x" + String(scalar.value, radix: 16)
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }

    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }

    /// RFC 3339 in UTC, with milliseconds.
    static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let milliseconds = String(1000 + time.tv_nsec / 1_000_000).dropFirst()
        return
            "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(milliseconds)Z"
    }
}
