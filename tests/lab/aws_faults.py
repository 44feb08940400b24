"""What the stand-in can be told to fail with: AWS's codes, each with its HTTP status and its words.

Those of single services are in botocore's service models, against which test_stand_in.py holds the
statuses; those that all services have in common are in AWS's documentation of common errors.
"""

DENIED = "User: arn:aws:sts::210987654321:assumed-role/lab/task is not authorized to perform: "

# The query protocol: SNS and STS.
QUERY = {
    "AccessDenied": (403, DENIED + "the action"),
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "IncompleteSignature": (403, "Authorization header is malformed."),
    "InternalFailure": (500, "The request processing has failed because of an unknown error."),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "MissingAuthenticationToken": (403, "Request is missing Authentication Token"),
    "OptInRequired": (403, "The AWS Access Key Id needs a subscription for the service."),
    "RequestExpired": (400, "Request has expired."),
    "RequestThrottled": (400, "Request was throttled."),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the "
                                   "signature you provided."),
    "ThrottledException": (429, "Rate exceeded"),
    "Throttling": (400, "Rate exceeded"),
    "ThrottlingException": (400, "Rate exceeded"),
    "TooManyRequestsException": (429, "Too many requests"),
    "ValidationError": (400, "1 validation error detected"),
}

SNS = {
    **QUERY,
    "AuthorizationError": (403, DENIED + "SNS:Publish on resource"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidParameter": (400, "Invalid parameter: TopicArn"),
    "InvalidSecurity": (403, "The request has an invalid Amazon Web Services access key."),
    "KMSAccessDenied": (400, "User is not authorized to perform: kms:GenerateDataKey on resource"),
    "KMSDisabled": (400, "The request was rejected because the specified customer master key isn't "
                         "enabled."),
    "KMSInvalidState": (400, "The request was rejected because the state of the specified resource "
                             "isn't valid for this request."),
    "KMSNotFound": (400, "The request was rejected because the specified entity or resource can't "
                         "be found."),
    "KMSOptInRequired": (403, "The Amazon Web Services access key ID needs a subscription for the "
                              "service."),
    "KMSThrottling": (400, "The request was denied due to request throttling."),
    "NotFound": (404, "Topic does not exist"),
    "ParameterValueInvalid": (400, "The message attribute has an invalid value"),
    "ValidationException": (400, "1 validation error detected"),
}

STS = {
    **QUERY,
    "ExpiredTokenException": (400, "Token expired: current date/time must be before the "
                                   "expiration date/time"),
    "IDPCommunicationError": (400, "Couldn't retrieve verification key from your identity "
                                   "provider, please reference AssumeRoleWithWebIdentity "
                                   "documentation for requirements"),
    "IDPRejectedClaim": (403, "The identity provider reported that authentication failed."),
    "InvalidIdentityToken": (400, "The ID Token provided is not a valid JWT. (You may see this "
                                  "error if you sent an Access Token)"),
    "MalformedPolicyDocument": (400, "The policy document was malformed."),
    "PackedPolicyTooLarge": (400, "Packed policy consumes 104% of allotted space, please use "
                                  "smaller policy."),
    "RegionDisabledException": (403, "STS is not activated in this region for account: "
                                     "210987654321. Your account administrator can activate STS in "
                                     "this region using the IAM Console."),
}

# JSON 1.1: Secrets Manager, SSM, CodePipeline and ECS.
JSON = {
    "AccessDeniedException": (400, DENIED + "the action"),
    "ExpiredTokenException": (400, "The security token included in the request is expired"),
    "IncompleteSignatureException": (400, "Authorization header is malformed."),
    "InternalFailure": (500, "The request processing has failed because of an unknown error."),
    "InvalidSignatureException": (400, "The request signature we calculated does not match the "
                                       "signature you provided."),
    "MissingAuthenticationTokenException": (400, "Missing Authentication Token"),
    "OptInRequired": (403, "The AWS Access Key Id needs a subscription for the service."),
    "ProvisionedThroughputExceededException": (400, "Rate exceeded"),
    "RequestExpired": (400, "Request has expired."),
    "RequestLimitExceeded": (503, "Request limit exceeded."),
    "RequestTimeout": (408, "The request timed out."),
    "SerializationException": (400, "Start of structure or map found where not expected."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
    "ServiceUnavailableException": (503, "Service is unable to handle request."),
    "SlowDown": (503, "Please reduce your request rate."),
    "ThrottlingException": (400, "Rate exceeded"),
    "TooManyRequestsException": (429, "Too many requests"),
    "UnknownOperationException": (400, ""),
    "UnrecognizedClientException": (400, "The security token included in the request is invalid."),
    "ValidationException": (400, "1 validation error detected"),
}

SECRETS_MANAGER = {
    **JSON,
    "DecryptionFailure": (400, "Secrets Manager can't decrypt the protected secret text using the "
                               "provided KMS key."),
    "InternalServiceError": (500, "An error occurred on the server side."),
    "InvalidParameterException": (400, "Invalid parameter"),
    "InvalidRequestException": (400, "You can't perform this operation on the secret because it "
                                     "was marked for deletion."),
    "ResourceNotFoundException": (400, "Secrets Manager can't find the specified secret."),
}

SSM = {
    **JSON,
    "InternalServerError": (500, "Internal Server Error"),
    "InvalidKeyId": (400, "The query key ID isn't valid."),
    "ParameterNotFound": (400, ""),
    "ParameterVersionNotFound": (400, "Systems Manager could not find the version of the "
                                      "parameter. Verify the version and try again."),
}

CODEPIPELINE = {
    **JSON,
    **{code: (400, words) for code, words in {
        "ActionNotFoundException": "The specified action cannot be found.",
        "ApprovalAlreadyCompletedException": "The approval action has already been approved or "
                                             "rejected.",
        "ConcurrentPipelineExecutionsLimitExceededException": "The pipeline has reached the limit "
                                                              "for concurrent pipeline executions.",
        "ConflictException": "Your request cannot be handled because the pipeline is busy "
                             "handling ongoing activities. Try again later.",
        "DuplicatedStopRequestException": "The pipeline execution is already in a Stopping state.",
        "InvalidApprovalTokenException": "The approval request already received a response or has "
                                         "expired.",
        "InvalidNextTokenException": "The next token was specified in an invalid format.",
        "NotLatestPipelineExecutionException": "The stage has failed in a later run of the "
                                               "pipeline.",
        "PipelineExecutionNotFoundException": "The pipeline execution was specified in an invalid "
                                              "format or cannot be found, or an execution ID does "
                                              "not belong to the specified pipeline.",
        "PipelineExecutionNotStoppableException": "Unable to stop the pipeline execution.",
        "PipelineExecutionOutdatedException": "The specified pipeline execution is outdated and "
                                              "cannot be used as a target pipeline execution for "
                                              "rollback.",
        "PipelineNotFoundException": "The pipeline was specified in an invalid format or cannot "
                                     "be found.",
        "StageNotFoundException": "The stage was specified in an invalid format or cannot be "
                                  "found.",
        "StageNotRetryableException": "Unable to retry.",
        "UnableToRollbackStageException": "Unable to roll back the stage.",
    }.items()},
}

ECS = {
    **JSON,
    "BlockedException": (400, "Your AWS account was blocked. For more information, contact AWS "
                              "Support."),
    "ClientException": (400, "ECS was unable to assume the role that was provided for this task. "
                             "Please verify that the role being passed has the proper trust "
                             "relationship and permissions and that your IAM user has permissions "
                             "to pass this role."),
    "ClusterNotFoundException": (400, "Cluster not found."),
    "ConflictException": (400, "The provided clientToken is already in use with a different "
                               "RunTask request."),
    "InvalidParameterException": (400, "Invalid parameter"),
    "PlatformUnknownException": (400, "The specified platform version doesn't exist."),
    "ServerException": (500, "Service Unavailable. Please try again later."),
}

# S3, where CloudFormation's response URL leads.
S3 = {
    "AccessDenied": (403, "Request has expired"),
    "ExpiredToken": (400, "The provided token has expired."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "RequestTimeout": (400, "Your socket connection to the server was not read from or written to "
                            "within the timeout period."),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the "
                                   "signature you provided. Check your key and signing method."),
    "SlowDown": (503, "Please reduce your request rate."),
}

# What is inside the machine knows statuses.
STATUSES = {str(status): (status, words) for status, words in {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}.items()}
CREDENTIALS = {
    **STATUSES,
    "AccessDeniedException": (400, "the role cannot be assumed"),
    "CredentialsNotFound": (400, "invalid credentials request"),
    "InternalServerException": (500, "an internal error occurred"),
    "ThrottlingException": (429, "rate exceeded"),
}
# Said with status 200, by the role's own document.
ROLE_UNUSABLE = {
    "AssumeRoleUnauthorizedAccess": (200, "EC2 cannot assume the role lab. Please see "
                                          "documentation at https://docs.aws.amazon.com/IAM/latest/"
                                          "UserGuide/troubleshoot_iam-ec2.html."),
    "InstanceProfileNotFound": (200, "Instance profile lab not found."),
}
IMDS = {**STATUSES, **ROLE_UNUSABLE}

# And what is no refusal: no answer, an end in the middle, answers that are not AWS's.
TRANSPORT = ("hang", "close", "html", "empty", "not-sns", "not-aws", "redirect", "huge")
