/// What one SPDY connection may ask of the daemon.
struct SPDYLimits: Equatable {
    /// Most bytes of a control frame, compressed headers among them.
    var controlFrame = 32 << 10
    /// Most bytes of a stream's headers after decompression.
    var headerBlock = 32 << 10
    /// Most headers of a stream.
    var headers = 100
    /// Most streams open at the same time. More are refused.
    var streams = 4096
}
