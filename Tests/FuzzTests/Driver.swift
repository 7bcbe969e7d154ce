#if FUZZING
    import CFuzzer
    import Glibc

    /// Runs one target, named first, with libFuzzer's own options and corpus directories after it. Without a name, lists the targets.
    @main enum Driver {
        /// libFuzzer's callback takes no context.
        nonisolated(unsafe) private static var target: FuzzTarget?

        static func main() {
            let arguments = CommandLine.arguments
            guard arguments.count > 1 else { return print(FuzzTarget.all.map(\.name).joined(separator: "\n")) }
            guard let chosen = FuzzTarget.all.first(where: { $0.name == arguments[1] }) else {
                print("no target is called \(arguments[1]); without a name, all are listed")
                exit(2)
            }
            target = chosen
            let kept = [arguments[0], "-max_len=\(chosen.limit)"] + arguments.dropFirst(2)
            // Has to outlive main(): libFuzzer keeps the pointers.
            var pointers: [UnsafeMutablePointer<CChar>?] = kept.map { strdup($0) } + [nil]
            pointers.withUnsafeMutableBufferPointer { buffer in
                var count = CInt(kept.count)
                var base = buffer.baseAddress
                exit(
                    LLVMFuzzerRunDriver(
                        &count, &base,
                        { bytes, count in
                            Driver.target?.consume(UnsafeBufferPointer(start: bytes, count: count))
                            return 0
                        }))
            }
        }
    }
#endif
