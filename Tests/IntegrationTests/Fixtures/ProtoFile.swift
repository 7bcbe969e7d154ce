import Linux

/// The messages and calls of a .proto file, as far as it takes to fill every number of a request.
struct ProtoFile {
    struct Field {
        let name: String
        let type: String
        let number: UInt64
    }

    private(set) var messages: [String: [Field]] = [:]
    private(set) var enums: Set<String> = []
    /// Calls with one answer: name and request.
    private(set) var calls: [(service: String, name: String, request: String)] = []

    /// The CRI's, as it lies in the repository.
    static func cri() throws -> ProtoFile {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return ProtoFile(text: try Files.readText("/\(root)/Protos/runtime.proto"))
    }

    init(text: String) {
        var service = ""
        var open: [String] = []
        for line in text.split(separator: "\n") {
            let words = line.prefix { $0 != "/" }.split { " \t;(){}=".contains($0) }.map(String.init)
            switch words.first {
            case "message"?:
                open.append(words.count > 1 ? words[1] : "")
                messages[open[open.count - 1]] = []
            case "enum"? where words.count > 1:
                enums.insert(words[1])
                open.append("")
            case "service"? where words.count > 1:
                service = words[1]
                open.append("")
            case "oneof"?: open.append(open.last ?? "")
            case "rpc"? where words.count > 4 && words[3] == "returns":
                if words[4] != "stream" { calls.append((service, words[1], words[2])) }
                continue
            default:
                let plain = words.filter { $0 != "repeated" && $0 != "optional" }
                if let message = open.last, !message.isEmpty, plain.count > 2, let number = UInt64(plain[2]) {
                    messages[message]?.append(Field(name: plain[1], type: plain[0], number: number))
                }
            }
            if line.contains("}"), !open.isEmpty { open.removeLast() }
        }
    }

    func isNumber(_ type: String) -> Bool { enums.contains(type) || ["int32", "int64", "uint32", "uint64"].contains(type) }

    /// The numbers of a message and of those in it, each by the numbers of the fields that lead there.
    func numbers(of message: String, depth: Int = 6) -> [[UInt64]] {
        guard depth > 0 else { return [] }
        return (messages[message] ?? []).flatMap { field in
            isNumber(field.type) ? [[field.number]] : numbers(of: field.type, depth: depth - 1).map { [field.number] + $0 }
        }
    }

    /// The message's bytes: `value` in the numbers at `paths`, `texts` in the strings that have their names.
    func encode(_ message: String, _ value: UInt64, at paths: Set<[UInt64]>, _ texts: [String: String], _ path: [UInt64] = []) -> [UInt8] {
        var result: [UInt8] = []
        for field in messages[message] ?? [] where path.count < 6 {
            let place = path + [field.number]
            if isNumber(field.type) {
                if paths.contains(place) { result += Self.varint(field.number << 3) + Self.varint(value) }
                continue
            }
            let bytes = field.type == "string" ? Array((texts[field.name] ?? "").utf8) : encode(field.type, value, at: paths, texts, place)
            if !bytes.isEmpty { result += Self.varint(field.number << 3 | 2) + Self.varint(UInt64(bytes.count)) + bytes }
        }
        return result
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
