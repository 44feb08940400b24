import { Annotations, Lazy, Names, Stack, Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { PIPELINE_CHANGE, STAGE_CHANGE } from './trigger';

/** Who may send to this stack's bus. */
export interface Sender {
  /** The account of the pipeline. */
  readonly account: string;
  /** The bus it sends to; without one, the default bus. */
  readonly eventBus?: events.IEventBus;
}

/**
 * Lets a pipeline's account, and no other, send what its pipelines and stages have come to. The
 * conditions are those that EventBridge documents for events from another account; together with the
 * rule that nobody may put events of `aws.` sources, only what a rule there forwards comes through.
 *
 * Within one account nothing is needed, not even from another region: there it is enough that the
 * role of the sender's rule may events:PutEvents. Then no policy is made.
 */
export function receiveFrom(scope: Construct, id: string, sender: Sender): events.CfnEventBusPolicy | undefined {
  const stack = Stack.of(scope);
  if (sender.account === stack.account) {
    return undefined;
  }
  if (!Token.isUnresolved(sender.account) && Token.isUnresolved(stack.account)) {
    Annotations.of(scope).addWarningV2('postlude:busPolicy', `the bus is opened to account ${sender.account}; where that is the`
      + ' stack\'s own, leave pipelineAccount out, or give the stack an env');
  }
  const name = sender.eventBus?.eventBusName;
  const policy: events.CfnEventBusPolicy = new events.CfnEventBusPolicy(scope, id, {
    // One policy document for each bus, shared by all stacks: each statement needs a name of its own.
    statementId: Lazy.string({ produce: () => Names.uniqueResourceName(policy, { maxLength: 64, allowedSpecialCharacters: '-_' }) }),
    eventBusName: name,
    statement: {
      Effect: 'Allow',
      Principal: { AWS: `arn:${stack.partition}:iam::${sender.account}:root` },
      Action: 'events:PutEvents',
      Resource: sender.eventBus?.eventBusArn
        ?? stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' }),
      Condition: {
        'ForAllValues:StringEquals': {
          'events:source': 'aws.codepipeline',
          'events:detail-type': [PIPELINE_CHANGE, STAGE_CHANGE],
        },
      },
    },
  });
  return policy;
}
