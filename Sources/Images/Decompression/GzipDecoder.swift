import CISAL

/// gzip (RFC 1952), one member or several, through ISA-L. Each member's checksum and length are verified.
final class GzipDecoder: LayerDecoder {
    /// On the heap: it holds a window of 64 KiB and decoding tables.
    private let state: UnsafeMutablePointer<inflate_state>
    private var isInsideMember = false
    private(set) var members = 0

    init() {
        state = .allocate(capacity: 1)
        isal_inflate_init(state)
    }

    deinit { state.deallocate() }

    var isComplete: Bool { members > 0 && !isInsideMember }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodingFailure) -> Step {
        guard isInsideMember || !input.isEmpty else { return Step(consumed: 0, produced: 0) }
        if !isInsideMember { try beginMember(input[0]) }
        let (available, room) = (UInt32(clamping: input.count), UInt32(clamping: output.count))
        // ISA-L's signature lacks a const; it does not write to the input.
        state.pointee.next_in = UnsafeMutableRawPointer(mutating: input.baseAddress)?.assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_in = available
        state.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_out = room
        let result = isal_inflate(state)
        guard result == ISAL_DECOMP_OK else { throw DecodingFailure(description: Self.explanation(result)) }
        if state.pointee.block_state == ISAL_BLOCK_FINISH {
            isInsideMember = false
            members += 1
        }
        return Step(consumed: Int(available - state.pointee.avail_in), produced: Int(room - state.pointee.avail_out))
    }

    private func beginMember(_ first: UInt8) throws(DecodingFailure) {
        guard first == 0x1f else { throw DecodingFailure(description: "something that is not gzip follows the gzip stream") }
        isal_inflate_reset(state)
        state.pointee.crc_flag = UInt32(ISAL_GZIP)
        isInsideMember = true
    }

    private static func explanation(_ code: CInt) -> String {
        switch code {
        case ISAL_INCORRECT_CHECKSUM: "the gzip stream's checksum does not match its content"
        case ISAL_INVALID_WRAPPER: "the gzip header is malformed"
        case ISAL_UNSUPPORTED_METHOD: "the gzip header names an unknown compression method"
        default: "the gzip stream is malformed (inflate error \(code))"
        }
    }
}
