import * as assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Duration, TimeZone } from 'aws-cdk-lib';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { PostludeSchedule } from '../lib';

describe('every', () => {
  for (const period of [Duration.seconds(30), Duration.seconds(90), Duration.minutes(0), Duration.minutes(7), Duration.minutes(90),
    Duration.hours(5), Duration.hours(36), Duration.days(2)]) {
    test(`refuses ${period.toHumanString()}`, () => {
      assert.throws(() => PostludeSchedule.every(period), /divides an hour or a day .*PostludeSchedule\.at/);
    });
  }

  const taken: [Duration, string][] = [
    [Duration.minutes(1), 'cron(0/1 * * * ? *)'],
    [Duration.minutes(15), 'cron(0/15 * * * ? *)'],
    [Duration.minutes(60), 'cron(0 * * * ? *)'],
    [Duration.hours(1), 'cron(0 * * * ? *)'],
    [Duration.hours(6), 'cron(0 0/6 * * ? *)'],
    [Duration.days(1), 'cron(0 0 * * ? *)'],
  ];
  for (const [period, expression] of taken) {
    test(`${period.toHumanString()} is ${expression}, which starts nothing when it is made`, () => {
      const schedule = PostludeSchedule.every(period);
      assert.equal(schedule.expression?.expressionString, expression);
      assert.equal(schedule.expression?.timeZone?.timezoneName, 'Etc/UTC');
      assert.equal(schedule.period?.toSeconds(), period.toSeconds());
    });
  }
});

test('at certain times, in a time zone', () => {
  const expression = ScheduleExpression.cron({ minute: '30', hour: '4', weekDay: 'MON-FRI', timeZone: TimeZone.EUROPE_PARIS });
  const schedule = PostludeSchedule.at(expression, Duration.days(3));
  assert.equal(schedule.expression?.expressionString, 'cron(30 4 ? * MON-FRI *)');
  assert.equal(schedule.expression?.timeZone?.timezoneName, 'Europe/Paris');
  assert.equal(schedule.period?.toDays(), 3);
});

test('never', () => {
  assert.equal(PostludeSchedule.never().expression, undefined);
  assert.equal(PostludeSchedule.never().period, undefined);
});
