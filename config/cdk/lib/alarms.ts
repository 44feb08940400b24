import { Duration, Fn, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

const HOUR = 3600;
/** CloudWatch looks back this far, with periods of an hour; with shorter ones a day, which three of them never fill. */
const LONGEST = 7 * 24 * HOUR;
const WARM_UP_MINUTES = 2880;

/** An alarm on a count that should be none. */
function aboveNone(scope: Construct, id: string, metric: cloudwatch.IMetric, description: string): cloudwatch.Alarm {
  return new cloudwatch.Alarm(scope, id, {
    metric,
    threshold: 0,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    alarmDescription: description,
  });
}

/** Alarm when something lies in the dead-letter queue, and all-clear when it is empty again. */
export function alarmDeadLetters(scope: Construct, queue: sqs.IQueue, topic: sns.ITopic, description: string): void {
  const metric = queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: 'Maximum' });
  const alarm = aboveNone(scope, 'DeadLettersAlarm', metric, description);
  alarm.addAlarmAction(new actions.SnsAction(topic));
  alarm.addOkAction(new actions.SnsAction(topic));
}

/** The dimensions under which EventBridge counts a rule: for one on a bus of its own the bus is among them. */
function dimensionsOf(rule: events.IRule): cloudwatch.DimensionsMap {
  const made = rule.node.defaultChild;
  const bus = made instanceof events.CfnRule ? made.eventBusName : undefined;
  return bus === undefined || bus === 'default'
    ? { RuleName: rule.ruleName }
    : { EventBusName: bus, RuleName: Fn.select(2, Fn.split('/', rule.ruleArn)) };
}

function ruleMetric(rule: events.IRule, metricName: string, period: Duration): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Events',
    metricName,
    dimensionsMap: dimensionsOf(rule),
    statistic: 'Sum',
    period,
    region: Stack.of(rule).region,
    account: Stack.of(rule).account,
  });
}

/**
 * Alarms when a rule could not invoke its target, or could not even leave that in its queue. No
 * all-clear: the count falls back to none by itself, and nothing is mended by that.
 */
export function alarmRule(scope: Construct, id: string, rule: events.IRule, topic: sns.ITopic, what: string): void {
  const period = Duration.minutes(5);
  const failed = aboveNone(scope, `${id}Failed`, ruleMetric(rule, 'FailedInvocations', period),
    `${what}: EventBridge matched an event, but could not deliver it, and does not try again. Look at the rights of the rule's role or the`
    + ' policy of its target, and whether the target is still there; then do by hand what the event was to do.');
  const lost = aboveNone(scope, `${id}Lost`, ruleMetric(rule, 'InvocationsFailedToBeSentToDlq', period),
    `${what}: an event could be neither delivered nor left in the dead-letter queue, and is lost. Look at the queue's policy and key, and`
    + ' at the target; then do by hand what the event was to do.');
  failed.addAlarmAction(new actions.SnsAction(topic));
  lost.addAlarmAction(new actions.SnsAction(topic));
}

/** One alarm for all of the watch's own rules (ten at most): the topic did not take what they had to tell. */
export function alarmOwnRules(scope: Construct, rules: events.IRule[], topic: sns.ITopic, description: string): void {
  const period = Duration.minutes(5);
  const failed = rules.map((rule, at) => [`m${at}`, ruleMetric(rule, 'FailedInvocations', period)]);
  const sum = new cloudwatch.MathExpression({
    expression: 'SUM(METRICS())',
    usingMetrics: Object.fromEntries(failed),
    label: 'FailedInvocations',
    period,
  });
  aboveNone(scope, 'Untold', sum, description).addAlarmAction(new actions.SnsAction(topic));
}

/** Alarm when a function failed. No all-clear, as above. */
export function alarmFunction(
  scope: Construct, id: string, called: lambda.IFunction, topic: sns.ITopic, description: string,
): cloudwatch.Alarm {
  const alarm = aboveNone(scope, id, called.metricErrors({ period: Duration.minutes(1), statistic: 'Sum' }), description);
  alarm.addAlarmAction(new actions.SnsAction(topic));
  return alarm;
}

/** In periods that CloudWatch takes: two of the schedule, and one more for the run that is then due. */
function windowOf(period: Duration): { seconds: number; count: number } {
  const seconds = period.toSeconds({ integral: false });
  if (!Number.isInteger(seconds / 60) || seconds < 60) {
    throw new Error(`period is ${seconds} seconds: whole minutes are needed, one at least`);
  }
  const step = Math.min(seconds, HOUR);
  const count = Math.ceil(2 * seconds / step) + 1;
  if (step * count > LONGEST) {
    throw new Error(`period is ${seconds / HOUR} hours: an alarm looks back seven days at most, and two periods with an hour to spare have`
      + ' to fit. Let the schedule come every three days or more often, or leave period out and go without this alarm');
  }
  return { seconds: step, count };
}

/** Alarm when the log has shown no good end for two periods, and all-clear with the next one. */
export function alarmSilence(scope: Construct, log: logs.ILogGroup, metricName: string, topic: sns.ITopic, period: Duration,
  description: string): void {
  const { seconds, count } = windowOf(period);
  const filter = new logs.MetricFilter(scope, 'EndedWell', {
    logGroup: log,
    filterPattern: logs.FilterPattern.all(
      logs.FilterPattern.stringValue('$.msg', '=', 'metrics'),
      // That of the database: a run whose report could not be published has 0 here.
      logs.FilterPattern.numberValue('$.exit_code', '=', 0),
    ),
    metricNamespace: 'postlude',
    metricName,
    metricValue: '1',
    unit: cloudwatch.Unit.COUNT,
  });
  const alarm = new cloudwatch.Alarm(scope, 'Silence', {
    metric: filter.metric({ statistic: 'Sum', period: Duration.seconds(seconds) }),
    threshold: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: count,
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    alarmDescription: description,
  });
  // Newer than the lowest aws-cdk-lib that is supported. Without it the alarm would begin as ALARM.
  (alarm.node.defaultChild as cloudwatch.CfnAlarm).addPropertyOverride('WarmUpConfiguration', {
    WarmUpPeriodDurationInMinutes: Math.min(seconds * count / 60, WARM_UP_MINUTES),
  });
  alarm.addAlarmAction(new actions.SnsAction(topic));
  alarm.addOkAction(new actions.SnsAction(topic));
}
