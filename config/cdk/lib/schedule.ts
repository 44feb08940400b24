import { Duration } from 'aws-cdk-lib';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';

/** When the task is started to catch up on what a lost event left. */
export class PostludeSchedule {
  /**
   * Again and again, `period` apart, by the clock (UTC): each hour at minute 0, each day at midnight.
   * A rate would start a task at once when the stack is made, in the middle of the deploy.
   *
   * @param period divides an hour or a day: 15 minutes, 1 hour, 6 hours, 1 day
   */
  public static every(period: Duration): PostludeSchedule {
    return new PostludeSchedule(scheduler.ScheduleExpression.cron(clock(period)), period);
  }

  /**
   * At certain times.
   *
   * @param expression for example `ScheduleExpression.cron({ hour: '4', minute: '0', timeZone: TimeZone.EUROPE_PARIS })`
   * @param period the longest time between two of them, 83 hours at most: twice without a good run is an
   * alarm. Without it there is no such alarm
   */
  public static at(expression: scheduler.ScheduleExpression, period?: Duration): PostludeSchedule {
    return new PostludeSchedule(expression, period);
  }

  /** Never: what a lost event leaves pending waits for the next deploy, or for a run by hand. */
  public static never(): PostludeSchedule {
    return new PostludeSchedule();
  }

  private constructor(
    /** When; nothing for never. */
    public readonly expression?: scheduler.ScheduleExpression,
    /** The longest time between two starts, where there is to be an alarm. */
    public readonly period?: Duration,
  ) {}
}

function clock(period: Duration): scheduler.CronOptionsWithTimezone {
  const minutes = period.isUnresolved() ? NaN : period.toMinutes({ integral: false });
  if (Number.isInteger(minutes) && minutes >= 1 && 60 % minutes === 0) {
    return { minute: minutes === 60 ? '0' : `0/${minutes}` };
  }
  if (minutes > 60 && minutes % 60 === 0 && 1440 % minutes === 0) {
    return { minute: '0', hour: minutes === 1440 ? '0' : `0/${minutes / 60}` };
  }
  throw new Error('the period of PostludeSchedule.every divides an hour or a day (15 minutes, 1 hour, 6 hours, 1 day): '
    + 'for other times there is PostludeSchedule.at');
}
