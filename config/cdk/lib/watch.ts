import { Duration, Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { alarmDeadLetters, alarmOwnRules, alarmRule, alarmSilence } from './alarms';
import { Ending, endings } from './endings';
import { chatNotice, jsonNotice } from './notice';
import { PostludeTask } from './task';
import { allowDeadLetters, allowKey, allowPublish, refuseTopic } from './tell';
import { stopped } from './trigger';

/** The form of the watch's messages. */
export enum PostludeMessageFormat {
  /** JSON, for programs: `"schema": "postlude.watch/1"`, with `message` and `hint` for people. */
  JSON = 'json',

  /** A custom notification of Amazon Q Developer in chat applications, like `report.format: chat`. */
  CHAT = 'chat',
}

/** What is watched. */
export interface PostludeWatchProps {
  /** The task; its topic is told. */
  readonly task: PostludeTask;

  /**
   * The queue in which events end that could not start the task. It also gets what the watch itself
   * cannot deliver.
   *
   * @default - none
   */
  readonly deadLetterQueue?: sqs.IQueue;

  /**
   * The rules that start the task, for an alarm when one of them cannot.
   *
   * @default - none
   */
  readonly rules?: events.IRule[];

  /**
   * The longest time between two scheduled starts of the task, 83 hours at most. When no run has
   * ended well for twice as long, and one more period (an hour at most) for the run that is due, that
   * is an alarm.
   *
   * @default - no such alarm
   */
  readonly period?: Duration;

  /**
   * The form of the messages about tasks; alarms have CloudWatch's own, which chats know.
   *
   * @default PostludeMessageFormat.JSON
   */
  readonly format?: PostludeMessageFormat;
}

/**
 * Tells the topic what postlude cannot report itself: a task that never started, was killed or
 * crashed, that had no plan or no database, or whose report could not be published (no exit code, or
 * 2, 4, 8, 10 and more); an event that did not start the task; and that no run ended well for two
 * periods of the schedule.
 *
 * The messages about tasks carry no attributes: a subscription that filters by `outcome` or
 * `exit_code` does not get them, nor the alarms. They name the task, what it probably means, where
 * the log is, and the line that starts it again. Tasks that a person stopped before they started are
 * told as well, and what ECS says twice comes twice.
 *
 * The alarm of `period` counts runs by a metric filter on the task's log group, which no other task
 * may share. From its creation it waits for that time, two days at most, before it judges, so that
 * a new stack is not reported at once; it is cleared by the next run that ends well.
 *
 * It costs nothing for the rules, and CloudWatch's price for an alarm on the queue, two for each of
 * `rules`, one on its own rules (priced as seven) and one of `period` with its metric.
 */
export class PostludeWatch extends Construct {
  public constructor(scope: Construct, id: string, props: PostludeWatchProps) {
    super(scope, id);
    const task = props.task;
    const topic = task.topic;
    refuseTopic(this, topic);
    const rules = endings(task._launch.container).map((ending) => this.tell(ending, props));
    allowPublish(this, topic, true);
    if (task.topicKey) {
      allowKey(this, task.topicKey, true);
    }
    if (props.deadLetterQueue) {
      allowDeadLetters(this, props.deadLetterQueue, rules);
    }
    this.alarm(props, rules);
  }

  /** A rule for each ending: so its message says which it was, without a text from outside in it. */
  private tell(ending: Ending, props: PostludeWatchProps): events.Rule {
    const { task, deadLetterQueue } = props;
    const notice = props.format === PostludeMessageFormat.CHAT ? chatNotice(task, ending) : jsonNotice(task, ending);
    const rule = new events.Rule(this, ending.id, {
      description: `postlude: tells when a task of ${task.taskDefinition.family} ${ending.story}`,
      eventPattern: stopped(task, ending.match),
    });
    rule.addTarget({
      bind: () => ({
        arn: task.topic.topicArn,
        input: events.RuleTargetInput.fromObject(notice),
        deadLetterConfig: deadLetterQueue && { arn: deadLetterQueue.queueArn },
      }),
    });
    return rule;
  }

  private alarm(props: PostludeWatchProps, own: events.Rule[]): void {
    const { task, deadLetterQueue, period } = props;
    const family = task.taskDefinition.family;
    if (deadLetterQueue) {
      alarmDeadLetters(this, deadLetterQueue, task.topic,
        `postlude ${family}: an event, a schedule or a message could not be delivered and lies in the dead-letter queue; if it was to`
        + ' start the migrations, they were not started. The attributes of the message (RULE_ARN, ERROR_CODE, ERROR_MESSAGE) say why.'
        + ' Mend that, start the task by hand (output Rerun of the stack), and delete the message.');
    }
    for (const [at, rule] of (props.rules ?? []).entries()) {
      alarmRule(this, `Rule${at}`, rule, task.topic, `postlude ${family}, start of the migrations`);
    }
    alarmOwnRules(this, own, task.topic,
      `postlude ${family}: a task ended in a way that should have been told here, and the message could not be published. Look at the last`
      + ' stopped tasks of the family in ECS, and at the policy of the topic and of its key.');
    if (period) {
      alarmSilence(this, task.logGroup, `ended_well.${endOf(family)}`, task.topic, period,
        `postlude ${family}: no run ended well for two periods of the schedule. Migrations may be pending. Either no task is started`
        + ' (look at the schedule, its role and the dead-letter queue), or every one fails (look at the log and at the reports). It is'
        + ' cleared by the next run that ends well.');
    }
  }
}

/** A metric's name has room for 255 characters, which a family may have by itself; CDK tells families apart by their ends. */
function endOf(family: string): string {
  return Token.isUnresolved(family) ? family : family.slice(-200);
}
