import { normaliseAddress } from "../proxy-address.ts";
import { ClosedStreams } from "./closed-streams.ts";
import type { ConnectionHost, DropReason } from "./connection-host.ts";
import { type Frame, FrameReader } from "./frame-reader.ts";
import { goAwayFrame, pingAck, pingFrame, resetFrame, settingsAck, windowUpdateFrame } from "./frames.ts";
import { HeaderBlocks, type Headers } from "./header-blocks.ts";
import type { MessageFrames } from "./message-frames.ts";
import { Output, type Wire } from "./output.ts";
import { Patience } from "./patience.ts";
import { check, checkForm, firstNumber, unpadded } from "./payload.ts";
import { readInitialWindow } from "./peer-settings.ts";
import { ConnectionFault, defaultWindow, type ErrorName, flag, frameType, largestWindow } from "./protocol.ts";
import { areTrailers, readRequestHead } from "./request-head.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";

/** How long a connection that we have ended may take to close, in milliseconds. */
const endPatience = 5_000;
/** A new stream costs as much of the peer's budget as so many nuisances: it is authenticated. */
const streamCost = 10;

/**
 * The server's side of one HTTP/2 connection (RFC 9113): frames in, streams and frames out. Bounded in all that a peer can make it keep or do; priorities are ignored.
 * A class, since thousands are idle at a time.
 */
export class Connection implements StreamOwner {
  sendWindow: number = defaultWindow;
  readonly #wire: Wire;
  readonly #host: ConnectionHost;
  readonly #output: Output;
  readonly #patience: Patience;
  readonly #reader = new FrameReader();
  readonly #headers: HeaderBlocks;
  readonly #streams = new Map<number, Http2Stream>();
  #closed: ClosedStreams | undefined;
  #lastId = 0;
  #initialWindow: number = defaultWindow;
  #receiveWindow: number;
  #unsaid = 0;
  #settings: "none" | "sent" | "acknowledged" = "none";
  #greeted = false;
  #leaving = false;
  /** When the end began: nothing is read or written any more. */
  #overSince: number | undefined;
  #queuedBytes = 0;
  #nuisances = 0;

  constructor(wire: Wire, host: ConnectionHost) {
    this.#wire = wire;
    this.#host = host;
    this.#output = new Output(wire, { pieceBytes: host.pieceBytes, writer: this });
    this.#patience = new Patience(host.now);
    this.#headers = new HeaderBlocks(host.limits.headerBytes);
    this.#receiveWindow = host.limits.connectionWindow;
  }

  get messageFrames(): MessageFrames {
    return this.#host.messageFrames;
  }

  get writable(): boolean {
    return this.#output.writable;
  }

  get #address(): string {
    return normaliseAddress(this.#wire.remoteAddress ?? "");
  }

  // What the socket tells.

  receive(chunk: Buffer): void {
    if (this.#overSince !== undefined) return;
    this.#patience.heard();
    try {
      this.#reader.read(chunk, this);
    } catch (error) {
      if (error instanceof ConnectionFault) this.#drop(error.code, error.message, error.code);
      else {
        this.#host.fault(error);
        this.#drop("internal", "fault in the gateway", "internal");
      }
    }
  }

  /** The socket has taken all that was written. */
  socketDrained(): void {
    this.#pump();
  }

  socketClosed(): void {
    this.#overSince ??= this.#host.now;
    this.#loseStreams("the proxy went away");
  }

  /** About once a second: what has taken too long ends. */
  sweep(): void {
    const { limits, now } = this.#host;
    if (this.#overSince !== undefined) {
      if (now - this.#overSince > endPatience) this.#wire.destroy();
      return;
    }
    this.#nuisances = Math.max(0, this.#nuisances - limits.nuisancesPerSecond);
    const due = this.#patience.sweep(now, limits, {
      ready: this.#settings === "acknowledged",
      behind: this.#queuedBytes > 0 || this.#output.behind,
      empty: this.#streams.size === 0,
    });
    if (due === "ping") this.write(pingFrame);
    else if (due === "idle") this.leave();
    else if (due === "settings") this.#drop("settingsTimeout", "no settings", "settingsTimeout");
    else if (due === "behind") this.#drop("behind", "does not take what is sent", "enhanceYourCalm");
    else if (due === "silent") this.#drop("silent", "does not answer", "none");
  }

  // What streams ask for.

  write(bytes: Buffer): void {
    if (this.#overSince !== undefined) return;
    // The greeting goes with what answers the peer's: that is one write less for each connection.
    const first = !this.#greeted && this.#output.add(this.#host.greeting);
    this.#greeted = true;
    if (this.#output.add(bytes) || first) this.#host.batch.add(this);
  }

  flush(): void {
    this.#output.flush();
    if (this.#queuedBytes > 0) this.#pump();
  }

  queueChanged(bytes: number): void {
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > this.#host.limits.queuedBytes) {
      this.#drop("behind", "too much waits for it", "enhanceYourCalm");
    }
  }

  freeWindow(bytes: number): void {
    this.#unsaid += bytes;
    if (this.#unsaid < this.#receiveWindow) return;
    this.write(windowUpdateFrame(0, this.#unsaid));
    this.#receiveWindow += this.#unsaid;
    this.#unsaid = 0;
  }

  unasked(): void {
    if (this.#isTooMuch(1)) this.#drop("enhanceYourCalm", "too many messages that answer nothing", "enhanceYourCalm");
  }

  ended(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    this.#closed ??= new ClosedStreams();
    this.#closed.add(stream.id, !stream.remoteEnded);
    if (this.#leaving && this.#streams.size === 0) this.#end();
  }

  retire(): void {
    if (this.#streams.size <= 1) this.leave();
  }

  /** Takes no new streams, and ends when the last one has. */
  leave(): void {
    if (this.#overSince !== undefined || this.#leaving) return;
    this.#leaving = true;
    this.write(goAwayFrame(this.#lastId, "none", ""));
    if (this.#streams.size === 0) this.#end();
  }

  #end(): void {
    if (this.#overSince !== undefined) return;
    this.#overSince = this.#host.now;
    this.#output.end();
  }

  #drop(reason: DropReason, details: string, code: ErrorName): void {
    if (this.#overSince !== undefined) return;
    this.write(goAwayFrame(this.#lastId, code, details));
    this.#end();
    this.#host.dropped({ reason, details, address: this.#address });
    this.#loseStreams(details);
  }

  #loseStreams(reason: string): void {
    for (const stream of this.#streams.values()) stream.vanish(reason);
  }

  #pump(): void {
    for (const stream of this.#streams.values()) stream.pump();
  }

  // What the peer sends.

  frame(frame: Frame): boolean {
    this.#headers.checkOrder(frame);
    if (this.#settings === "none" && (frame.type !== frameType.settings || (frame.flags & flag.ack) !== 0)) {
      throw new ConnectionFault("protocol", "no settings at the beginning");
    }
    checkForm(frame);
    this.#take(frame);
    return this.#overSince === undefined;
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case frameType.data:
        return this.#data(frame);
      case frameType.headers:
      case frameType.continuation:
        return this.#takeHeaders(frame);
      case frameType.reset:
        return this.#reset(frame);
      case frameType.settings:
        return this.#takeSettings(frame);
      case frameType.windowUpdate:
        return this.#windowUpdate(frame);
      case frameType.ping:
        return this.#ping(frame);
      case frameType.priority:
        return this.#priority(frame);
      case frameType.goAway:
        return this.#nuisance(1);
      case frameType.pushPromise:
        throw new ConnectionFault("protocol", "a client does not push");
      default:
        return this.#nuisance(1);
    }
  }

  #nuisance(cost: number): void {
    if (this.#isTooMuch(cost)) throw new ConnectionFault("enhanceYourCalm", "too many frames that do nothing");
  }

  #isTooMuch(cost: number): boolean {
    this.#nuisances += cost;
    return this.#nuisances > this.#host.limits.nuisances;
  }

  #data(frame: Frame): void {
    const { streamId, payload } = frame;
    const bytes = unpadded(frame);
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) throw new ConnectionFault("flowControl", "more data than the connection's window");
    const ends = (frame.flags & flag.endStream) !== 0;
    if (bytes.length === 0 && !ends) this.#nuisance(1);
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.remoteEnded) {
      this.freeWindow(payload.length);
      if (stream !== undefined) stream.reset("streamClosed");
      else this.#onClosed(streamId);
      return;
    }
    stream.receiveWindow -= payload.length;
    if (stream.receiveWindow < 0) {
      this.freeWindow(payload.length);
      stream.reset("flowControl");
      return;
    }
    if (stream.expected !== undefined) stream.expected -= bytes.length;
    const unlike = stream.expected !== undefined && (ends ? stream.expected !== 0 : stream.expected < 0);
    if (unlike) {
      this.freeWindow(payload.length);
      stream.reset("protocol");
      return;
    }
    if (payload.length > bytes.length) stream.taken(payload.length - bytes.length);
    if (bytes.length > 0) stream.handler?.data(bytes);
    if (ends) this.#requestEnded(stream);
  }

  #requestEnded(stream: Http2Stream): void {
    stream.remoteEnded = true;
    stream.handler?.requestEnded();
  }

  /** A frame on a stream that is not there any more. */
  #onClosed(streamId: number): void {
    this.#nuisance(1);
    if (streamId > this.#lastId || streamId % 2 === 0) throw new ConnectionFault("protocol", "no such stream");
    if (this.#closed?.verdict(streamId) !== "late") this.write(resetFrame(streamId, "streamClosed"));
  }

  #takeHeaders(frame: Frame): void {
    check(frame.streamId % 2 === 1, "a stream of a wrong number");
    const headers = this.#headers.add(frame);
    if (headers === undefined) return;
    const { streamId } = headers;
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#trailers(stream, headers);
    else if (streamId > this.#lastId) this.#open(headers);
    else {
      const verdict = this.#closed?.verdict(streamId) ?? "protocol";
      if (verdict !== "late") throw new ConnectionFault(verdict, "headers on an old stream");
      this.#nuisance(1);
    }
  }

  #trailers(stream: Http2Stream, headers: Headers): void {
    if (stream.remoteEnded) stream.reset("streamClosed");
    else if (!headers.endStream || !areTrailers(headers.fields) || (stream.expected ?? 0) !== 0)
      stream.reset("protocol");
    else this.#requestEnded(stream);
  }

  #open(headers: Headers): void {
    const { streamId, endStream } = headers;
    const { limits } = this.#host;
    this.#nuisance(streamCost);
    this.#lastId = streamId;
    if (this.#leaving || this.#streams.size >= limits.streams) {
      this.#refuse(streamId, "refusedStream");
      return;
    }
    const head = readRequestHead(headers.fields);
    if (head === undefined || headers.selfDependent || (endStream && (head.contentLength ?? 0) !== 0)) {
      this.#refuse(streamId, "protocol");
      return;
    }
    const stream = new Http2Stream(this, {
      id: streamId,
      sendWindow: this.#initialWindow,
      receiveWindow: limits.streamWindow,
    });
    stream.expected = head.contentLength;
    this.#streams.set(streamId, stream);
    stream.remoteEnded = endStream;
    this.#host.request({ stream, head, address: this.#address });
    if (endStream) stream.handler?.requestEnded();
  }

  #refuse(streamId: number, code: ErrorName): void {
    this.#closed ??= new ClosedStreams();
    this.#closed.add(streamId, true);
    this.write(resetFrame(streamId, code));
  }

  #reset(frame: Frame): void {
    const { streamId } = frame;
    check(streamId <= this.#lastId && streamId % 2 === 1, "a reset of no stream");
    this.#nuisance(1);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.remoteEnded = true;
    stream.vanish("the proxy went away");
  }

  #takeSettings(frame: Frame): void {
    this.#nuisance(1);
    if ((frame.flags & flag.ack) !== 0) {
      if (frame.payload.length !== 0) throw new ConnectionFault("frameSize", "an acknowledgement with settings");
      this.#settings = "acknowledged";
      return;
    }
    if (this.#settings === "none") this.#settings = "sent";
    const window = readInitialWindow(frame.payload, this.#initialWindow);
    for (const stream of this.#streams.values()) {
      stream.sendWindow += window - this.#initialWindow;
      if (stream.sendWindow > largestWindow) throw new ConnectionFault("flowControl", "a window that is too large");
    }
    this.#initialWindow = window;
    this.write(settingsAck);
    this.#pump();
  }

  #windowUpdate(frame: Frame): void {
    const { streamId, payload } = frame;
    const increment = firstNumber(payload);
    if (streamId === 0) {
      check(increment > 0, "a window update of nothing");
      this.sendWindow += increment;
      if (this.sendWindow > largestWindow) throw new ConnectionFault("flowControl", "a window that is too large");
      if (this.#queuedBytes > 0) this.#pump();
      else this.#nuisance(1);
      return;
    }
    check(streamId <= this.#lastId && streamId % 2 === 1, "a window update of no stream");
    const stream = this.#streams.get(streamId);
    if (stream === undefined || !stream.behind) this.#nuisance(1);
    if (stream === undefined) return;
    stream.sendWindow += increment;
    if (increment === 0) stream.reset("protocol");
    else if (stream.sendWindow > largestWindow) stream.reset("flowControl");
    else stream.pump();
  }

  #ping(frame: Frame): void {
    this.#nuisance(1);
    if ((frame.flags & flag.ack) === 0) this.write(pingAck(frame.payload));
  }

  #priority(frame: Frame): void {
    const { streamId, payload } = frame;
    check(firstNumber(payload) !== streamId, "a stream that depends on itself");
    this.#nuisance(1);
  }
}
