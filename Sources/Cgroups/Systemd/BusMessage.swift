import CSystemd
import Glibc
import Linux

/// A message to or from systemd, sd_bus_message_append(3). It stays on the thread of its connection.
struct BusMessage: ~Copyable {
    let raw: OpaquePointer

    /// Takes over a reference.
    init(owning raw: OpaquePointer) { self.raw = raw }

    deinit { sd_bus_message_unref(raw) }

    /// A call of a method of systemd's manager object.
    static func call(_ method: String, on bus: OpaquePointer) throws(SystemError) -> BusMessage {
        var raw: OpaquePointer?
        try checkBus(
            sd_bus_message_new_method_call(
                bus, &raw, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method), method)
        guard let raw else { throw SystemError("sd-bus", code: ENOMEM, method) }
        return BusMessage(owning: raw)
    }

    // MARK: Writing

    func append(_ text: String) throws(SystemError) {
        try checkBus(text.withCString { sd_bus_message_append_basic(raw, Self.type("s"), $0) }, "append")
    }

    func append(_ texts: [String]) throws(SystemError) {
        try container("a", "s") { () throws(SystemError) in for text in texts { try append(text) } }
    }

    /// Appends a list of properties, `a(sv)`.
    func append(_ properties: [UnitProperty]) throws(SystemError) {
        try container("a", "(sv)") { () throws(SystemError) in
            for property in properties {
                try container("r", "sv") { () throws(SystemError) in
                    try append(property.name)
                    try container("v", property.value.signature) { () throws(SystemError) in try append(property.value) }
                }
            }
        }
    }

    /// Appends the auxiliary units of StartTransientUnit: none, `a(sa(sv))`.
    func appendNoUnits() throws(SystemError) { try container("a", "(sa(sv))") {} }

    func append(_ flag: Bool) throws(SystemError) {
        var value: CInt = flag ? 1 : 0
        try checkBus(sd_bus_message_append_basic(raw, Self.type("b"), &value), "append")
    }

    func append(_ number: Int32) throws(SystemError) {
        var value = number
        try checkBus(sd_bus_message_append_basic(raw, Self.type("i"), &value), "append")
    }

    private func append(_ value: UnitProperty.Value) throws(SystemError) {
        switch value {
        case .boolean(let flag): try append(flag)
        case .signed(let number): try append(number)
        case .number(var number): try checkBus(sd_bus_message_append_basic(raw, Self.type("t"), &number), "append")
        case .text(let text): try append(text)
        case .texts(let texts): try append(texts)
        case .processes(let pids):
            try container("a", "u") { () throws(SystemError) in
                for pid in pids {
                    var number = UInt32(bitPattern: pid)
                    try checkBus(sd_bus_message_append_basic(raw, Self.type("u"), &number), "append")
                }
            }
        case .mask(let bytes):
            try checkBus(bytes.withUnsafeBytes { sd_bus_message_append_array(raw, Self.type("y"), $0.baseAddress, $0.count) }, "append")
        }
    }

    private func container(_ kind: Character, _ contents: String, _ body: () throws(SystemError) -> Void) throws(SystemError) {
        try checkBus(sd_bus_message_open_container(raw, Self.type(kind), contents), "open container")
        try body()
        try checkBus(sd_bus_message_close_container(raw), "close container")
    }

    // MARK: Reading

    /// The cookie of the call that this answers; nil where it answers none.
    var answered: UInt64? {
        var cookie: UInt64 = 0
        return sd_bus_message_get_reply_cookie(raw, &cookie) >= 0 ? cookie : nil
    }

    /// The error that it is; nil where it is none.
    var failure: (name: String, message: String)? {
        guard let error = sd_bus_message_get_error(raw), let name = error.pointee.name else { return nil }
        return (String(cString: name), error.pointee.message.map { String(cString: $0) } ?? "")
    }

    func isSignal(_ member: String) -> Bool { sd_bus_message_is_signal(raw, "org.freedesktop.systemd1.Manager", member) > 0 }

    /// Reads a text or an object's path; nil where none is next.
    func text(_ kind: Character = "s") -> String? {
        var pointer: UnsafePointer<CChar>?
        guard sd_bus_message_read_basic(raw, Self.type(kind), &pointer) > 0, let pointer else { return nil }
        return String(cString: pointer)
    }

    func number32() -> UInt32? {
        var value: UInt32 = 0
        return sd_bus_message_read_basic(raw, Self.type("u"), &value) > 0 ? value : nil
    }

    /// Reads the answer of ListUnitsByPatterns.
    func units() -> [SystemdUnit] {
        var units: [SystemdUnit] = []
        guard sd_bus_message_enter_container(raw, Self.type("a"), "(ssssssouso)") > 0 else { return [] }
        while sd_bus_message_enter_container(raw, Self.type("r"), "ssssssouso") > 0 {
            let name = text()
            let description = text()
            _ = text()
            let state = text()
            _ = (text(), text(), text("o"), number32(), text(), text("o"))
            guard let name, let description, let state, sd_bus_message_exit_container(raw) >= 0 else { return units }
            units.append(SystemdUnit(name: name, description: description, state: state))
        }
        return units
    }

    private static func type(_ character: Character) -> CChar { CChar(character.asciiValue ?? 0) }
}

/// sd-bus returns the negative number of an error.
@discardableResult
func checkBus(_ result: CInt, _ subject: String) throws(SystemError) -> CInt {
    if result < 0 { throw SystemError("sd-bus", code: -result, subject) }
    return result
}
