#if !FUZZING
    import Linux
    import Testing

    @Suite("Fuzz targets over their corpus") struct CorpusTests {
        private static let corpus = #filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/Corpus"

        @Test("Each target takes what its corpus holds", arguments: FuzzTarget.all.map(\.name))
        func corpus(_ name: String) throws {
            let target = try #require(FuzzTarget.all.first { $0.name == name })
            let files = try Files.list("\(Self.corpus)/\(name)")
            #expect(!files.isEmpty)
            for file in files { target.consume(try Files.readBytes("\(Self.corpus)/\(name)/\(file)")) }
        }

        @Test("Each target takes nothing, zeros, and all bytes in turn", arguments: FuzzTarget.all.map(\.name))
        func plain(_ name: String) throws {
            let target = try #require(FuzzTarget.all.first { $0.name == name })
            target.consume([])
            for count in [1, 8, 512, 2048] { target.consume([UInt8](repeating: 0, count: count)) }
            target.consume((0...255).map { UInt8($0) })
        }

        @Test("The corpus has no folder without a target")
        func folders() throws {
            #expect(Set(try Files.list(Self.corpus)) == Set(FuzzTarget.all.map(\.name)))
        }
    }
#endif
