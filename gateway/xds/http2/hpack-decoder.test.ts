import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HpackDecoder } from "./hpack-decoder.ts";
import { decodeHuffman } from "./huffman.ts";
import { ConnectionFault } from "./protocol.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const request = (path: string, scheme: string, host: string) => [
  [":method", "GET"],
  [":scheme", scheme],
  [":path", path],
  [":authority", host],
];
const host = "www.example.com";

/** RFC 7541 C.3 and C.4: three requests on one connection, plain and Huffman coded. */
const requests = {
  plain: [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
  ],
  coded: [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
  ],
};

/** RFC 7541 C.5 and C.6: responses with a table of 256 bytes, so that entries are evicted. */
const responses = {
  plain: [
    "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
    "4803333037c1c0bf",
    "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
  ],
  coded: [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
  ],
};

const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const expectedResponses = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
    ["location", "https://www.example.com"],
    ["content-encoding", "gzip"],
    ["set-cookie", cookie],
  ],
];

describe("HPACK", () => {
  it("decodes single fields (RFC 7541 C.2)", () => {
    const decoder = new HpackDecoder();
    const decode = (hex: string) => decoder.decode(bytes(hex), 4096);
    assert.deepEqual(decode("400a637573746f6d2d6b65790d637573746f6d2d686561646572"), [["custom-key", "custom-header"]]);
    assert.deepEqual(decode("040c2f73616d706c652f70617468"), [[":path", "/sample/path"]]);
    assert.deepEqual(decode("100870617373776f726406736563726574"), [["password", "secret"]]);
    assert.deepEqual(decode("82"), [[":method", "GET"]]);
    assert.deepEqual(decode("be"), [["custom-key", "custom-header"]]);
  });

  for (const coding of ["plain", "coded"] as const) {
    it(`decodes the requests of RFC 7541 C.3 and C.4, ${coding}`, () => {
      const decoder = new HpackDecoder();
      assert.deepEqual(
        requests[coding].map((hex) => decoder.decode(bytes(hex), 4096)),
        [
          request("/", "http", host),
          [...request("/", "http", host), ["cache-control", "no-cache"]],
          [...request("/index.html", "https", host), ["custom-key", "custom-value"]],
        ],
      );
    });

    it(`decodes the responses of RFC 7541 C.5 and C.6, with evictions, ${coding}`, () => {
      const decoder = new HpackDecoder();
      decoder.decode(bytes("3fe101"), 4096);
      assert.deepEqual(
        responses[coding].map((hex) => decoder.decode(bytes(hex), 4096)),
        expectedResponses,
      );
    });
  }

  it("forgets its table when the peer says so", () => {
    const decoder = new HpackDecoder();
    decoder.decode(bytes(requests.plain[0] ?? ""), 4096);
    assert.deepEqual(decoder.decode(bytes("20 82"), 4096), [[":method", "GET"]]);
    assert.throws(() => decoder.decode(bytes("be"), 4096), { code: "compression" });
    assert.deepEqual(decoder.decode(bytes("3f6140016101 62be"), 4096), [
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it("refuses what is not valid", () => {
    for (const [why, hex] of [
      ["index 0", "80"],
      ["an index beyond the table", "ff00"],
      ["a string that is cut off", "400a6375"],
      ["a number that is cut off", "ff"],
      ["a number without end", "ffffffffffffffff01"],
      ["a table size after a field", "8220"],
      ["a larger table than is allowed", "3fe21f"],
      ["Huffman padding of zeros", "0082 1800 00"],
      ["Huffman padding of a byte and more", "0002 6161 81 ff"],
      ["the end within a Huffman string", "0001 61 84 ffffffff"],
    ] as const) {
      assert.throws(() => new HpackDecoder().decode(bytes(hex), 4096), ConnectionFault, why);
    }
  });

  it("stops at the limit, however few bytes the fields come in", () => {
    const decoder = new HpackDecoder();
    const long = Buffer.concat([bytes("4001617fa11e"), Buffer.alloc(4000, 0x61)]);
    assert.equal(decoder.decode(long, 8192).length, 1);
    assert.throws(() => decoder.decode(Buffer.alloc(1000, 0xbe), 8192), { code: "enhanceYourCalm" });
  });
});

describe("Huffman code", () => {
  it("decodes, and refuses a code that stops within a byte value", () => {
    assert.equal(decodeHuffman(bytes("f1e3c2e5f23a6ba0ab90f4ff")), host);
    assert.equal(decodeHuffman(bytes("fffffffb ff".replaceAll(" ", ""))), undefined);
    assert.equal(decodeHuffman(Buffer.alloc(0)), "");
  });
});
