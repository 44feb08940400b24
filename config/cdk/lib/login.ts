import { Stack, Token } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { refuseEmpty } from './refusals';

/** What a login is let in by; a proxy is one. @internal */
export interface LoginDoor {
  grantConnect(grantee: iam.IGrantable, user: string): iam.Grant;
}

/** What a login puts into the container, and what its role is allowed. @internal */
export interface LoginBinding {
  readonly environment: { [name: string]: string };
  readonly secrets: { [name: string]: ecs.Secret };
  readonly grant: (role: iam.IGrantable, door: LoginDoor) => void;
}

/**
 * How postlude logs in to the database. The plan says the same in its own words: each login names
 * the line that goes with it.
 */
export abstract class PostludeLogin {
  /**
   * A token of RDS IAM, signed afresh for each connection; no password is kept anywhere. The task
   * role may connect through the proxy as this user and as no other.
   *
   * In the plan: `user: ${DB_USER}` and `iam: true`.
   *
   * @param user the database user; the proxy needs a secret for it, with IAM authentication required
   */
  public static iam(user: string): PostludeLogin {
    refuseEmpty('the user of PostludeLogin.iam', user, 'name the database user');
    if (!Token.isUnresolved(user) && /[*?]/.test(user)) {
      throw new Error(`the user of PostludeLogin.iam is ${user}, which in a policy stands for others too: name one database user`);
    }
    return new Login({
      environment: { DB_USER: user },
      secrets: {},
      grant: (role, door) => door.grantConnect(role, user),
    });
  }

  /**
   * A secret of Secrets Manager, which postlude reads itself, and again when it was rotated in the
   * middle of a run. User and password are in it.
   *
   * In the plan: `secret: ${DB_SECRET_ARN}`.
   *
   * @param secret with `username` and `password`; its own key's grants come with it
   */
  public static secret(secret: secretsmanager.ISecret): PostludeLogin {
    return new Login({
      environment: { DB_SECRET_ARN: secret.secretArn },
      secrets: {},
      grant: (role) => {
        grantSecret(secret, role);
        grantDecrypt(secret, role);
      },
    });
  }

  /**
   * A password that ECS puts into the container when the task starts.
   *
   * In the plan: `user: ${DB_USER}` and `password: ${DB_PASSWORD}`.
   *
   * @param user the database user
   * @param password for example `ecs.Secret.fromSecretsManager(secret, 'password')`
   */
  public static password(user: string, password: ecs.Secret): PostludeLogin {
    return new Login({
      environment: { DB_USER: user },
      secrets: { DB_PASSWORD: password },
      grant: () => {},
    });
  }

  /** What the login comes to, or where none is given, that by IAM as `migrator`. @internal */
  public static _bindingOf(login?: PostludeLogin): LoginBinding {
    return (login ?? PostludeLogin.iam('migrator'))._bind();
  }

  /** @internal */
  public abstract _bind(): LoginBinding;
}

/**
 * CDK writes a role into the policy of the secret's key, too: where the role is of another stack, which
 * needs the secret's, the two would make a circle. Within an account the role's own policy is enough.
 */
function grantSecret(secret: secretsmanager.ISecret, role: iam.IGrantable): void {
  if (!Construct.isConstruct(role) || Stack.of(role) === Stack.of(secret) || Stack.of(role).account !== Stack.of(secret).account) {
    secret.grantRead(role);
    return;
  }
  iam.Grant.addToPrincipal({
    grantee: role,
    actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
    resourceArns: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
  });
}

/** CDK writes this into the key's own policy only: not for a key that is imported, nor for a role that is still to come. */
function grantDecrypt(secret: secretsmanager.ISecret, role: iam.IGrantable): void {
  if (secret.encryptionKey) {
    iam.Grant.addToPrincipal({
      grantee: role,
      actions: ['kms:Decrypt'],
      resourceArns: [secret.encryptionKey.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${secret.env.region}.amazonaws.com` } },
    });
  }
}

class Login extends PostludeLogin {
  public constructor(private readonly binding: LoginBinding) {
    super();
  }

  /** @internal */
  public _bind(): LoginBinding {
    return this.binding;
  }
}
