import { Duration } from 'aws-cdk-lib';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';

/** When the task is started to catch up on what a lost event left. */
export class PostludeSchedule {
  /** Again and again, `period` apart: an hour or a day, for example. */
  public static every(period: Duration): PostludeSchedule {
    return new PostludeSchedule(scheduler.ScheduleExpression.rate(period), period);
  }

  /**
   * At certain times.
   *
   * @param expression for example `ScheduleExpression.cron({ hour: '4', minute: '0', timeZone: TimeZone.EUROPE_PARIS })`
   * @param period the longest time between two of them; twice without a good run is an alarm
   */
  public static at(expression: scheduler.ScheduleExpression, period: Duration): PostludeSchedule {
    return new PostludeSchedule(expression, period);
  }

  /** Never: what a lost event leaves pending waits for the next deploy, or for a run by hand. */
  public static never(): PostludeSchedule {
    return new PostludeSchedule();
  }

  private constructor(
    /** When; nothing for never. */
    public readonly expression?: scheduler.ScheduleExpression,
    /** The longest time between two starts; nothing for never. */
    public readonly period?: Duration,
  ) {}
}
