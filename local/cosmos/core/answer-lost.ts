/** No answer comes; whether the request was done is not known to who asked. */
export class AnswerLost extends Error {
  /** How long the connection stays open in silence before it breaks, ms. */
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super("the answer is lost");
    this.name = "AnswerLost";
    this.milliseconds = milliseconds;
  }
}
