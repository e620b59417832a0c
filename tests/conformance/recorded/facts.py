"""What Stripe was recorded to answer in test mode, by those who keep such recordings in public.

Taken are facts alone: the keys that 95 of 100 answers had at least, of the newest family of
versions with ten of them, and what each test card failed with. No id, amount or sentence is taken.
"""

#: Where the recordings are, each at the commit that was read.
SOURCES = {
    "openfoodfoundation/openfoodnetwork": "d4f0a99e2aec1a02b720baac2b341a2d4da86745",
    "pay-rails/pay": "5b018bc1a4e82df56227f51b49b642cb360e3b64",
    "onetimesecret/onetimesecret": "de53ff8f7e51f8150f5c183f9b4cd8eebbe4eb24",
    "we-promise/sure": "0252787dc014f790074c7ff9c2ac6c2b283be2cf",
    "bikeindex/bike_index": "487de076c8d8cc3cfb654091a1aa942705764978",
    "antiwork/flexile": "8d5ecaad7c389a55125d681ab69c7271651defc4",
    "spree/spree_stripe": "80f01711cc6d8a6b1f174edfad2af5b254bb9070",
    "antiwork/gumroad": "8c16285e2baf800a6c3328b5ab8c538288464862",
    "zandy2test/gumroad": "8726d3c471b34c882b4bfd97ec6941e74c2ca7d8",
}
#: Of each kind of object, the keys that are always there; braces hold those of an object within.
KEYS = {
    "account": """
        business_profile{ annual_revenue estimated_worker_count mcc
        minority_owned_business_designation name product_description
        specified_commercial_transactions_act_url support_address support_email support_phone
        support_url url } business_type capabilities charges_enabled company{ address{ city
        country line1 line2 postal_code state } directors_provided executives_provided name
        owners_provided phone tax_id_provided verification{ document{ back details details_code
        front } } } controller{ fees{ payer } is_controller losses{ payments }
        requirement_collection stripe_dashboard{ type } type } country created default_currency
        details_submitted email external_accounts future_requirements{ alternatives
        current_deadline currently_due disabled_reason errors errors[]{ code reason requirement
        } eventually_due past_due pending_verification } id metadata payouts_enabled
        requirements{ alternatives current_deadline currently_due disabled_reason errors
        eventually_due past_due pending_verification } settings{ bacs_debit_payments{
        display_name service_user_number } branding{ icon logo primary_color secondary_color }
        card_issuing{ tos_acceptance{ date ip } } card_payments{ decline_on{ avs_failure
        cvc_failure } statement_descriptor_prefix statement_descriptor_prefix_kana
        statement_descriptor_prefix_kanji } dashboard{ display_name timezone } invoices{
        default_account_tax_ids hosted_payment_method_save } payments{ statement_descriptor
        statement_descriptor_kana statement_descriptor_kanji } payouts{ debit_negative_balances
        schedule{ delay_days interval } statement_descriptor } sepa_debit_payments }
        tos_acceptance{ date ip user_agent } type
    """,
    "account (deleted)": """
        deleted id
    """,
    "application_fee": """
        account amount amount_refunded application balance_transaction charge created currency
        id livemode originating_transaction refunded refunds
    """,
    "balance": """
        available available[]{ amount currency source_types{ card } } connect_reserved[]{ amount
        currency } instant_available instant_available[]{ amount currency source_types{ card } }
        issuing{ available available[]{ amount currency } } livemode pending pending[]{ amount
        currency source_types{ card } }
    """,
    "balance_transaction": """
        amount available_on created currency description exchange_rate fee fee_details
        fee_details[]{ amount application currency description type } id net reporting_category
        source status type
    """,
    "card": """
        address_city address_country address_line1 address_line1_check address_line2
        address_state address_zip address_zip_check allow_redisplay brand country customer
        cvc_check dynamic_last4 email exp_month exp_year fingerprint funding id last4 metadata
        name networks{ preferred } phone regulated_status tokenization_method wallet
    """,
    "charge": """
        amount amount_captured amount_refunded application application_fee
        application_fee_amount balance_transaction billing_details{ address{ city country line1
        line2 postal_code state } email name phone tax_id } calculated_statement_descriptor
        captured created currency customer description destination dispute disputed
        failure_balance_transaction failure_code failure_message fraud_details id livemode
        metadata on_behalf_of order outcome{ advice_code network_advice_code
        network_decline_code network_status reason risk_level risk_score seller_message type }
        paid payment_intent payment_method payment_method_details{ card{ amount_authorized
        authorization_code brand checks{ address_line1_check address_postal_code_check cvc_check
        } country exp_month exp_year extended_authorization{ status } fingerprint funding
        incremental_authorization{ status } installments last4 mandate multicapture{ status }
        network network_token{ used } network_transaction_id overcapture{
        maximum_amount_capturable status } regulated_status three_d_secure wallet } type }
        receipt_email receipt_number receipt_url refunded review shipping source source_transfer
        statement_descriptor statement_descriptor_suffix status transfer_data{ amount
        destination } transfer_group
    """,
    "checkout.session": """
        adaptive_pricing after_expiration allow_promotion_codes amount_subtotal amount_total
        automatic_tax{ enabled liability status } billing_address_collection cancel_url
        client_reference_id client_secret collected_information{ shipping_details } consent
        consent_collection created currency currency_conversion custom_fields custom_text{
        after_submit shipping_address submit terms_of_service_acceptance } customer
        customer_creation customer_details{ address email name phone tax_exempt tax_ids }
        customer_email discounts expires_at id invoice invoice_creation livemode locale metadata
        mode payment_intent payment_link payment_method_collection
        payment_method_configuration_details{ id parent } payment_method_options{ card{
        request_three_d_secure } } payment_method_types payment_status phone_number_collection{
        enabled } recovered_from saved_payment_method_options{ allow_redisplay_filters
        payment_method_remove payment_method_save } setup_intent shipping_address_collection
        shipping_cost shipping_options status submit_type subscription success_url
        total_details{ amount_discount amount_shipping amount_tax } ui_mode url
    """,
    "customer": """
        address{ city country line1 line2 postal_code state } balance created currency
        customer_account default_source delinquent description discount email id invoice_prefix
        invoice_settings{ custom_fields default_payment_method footer rendering_options }
        livemode metadata name next_invoice_sequence phone preferred_locales shipping tax{
        automatic_tax ip_address location provider } tax_exempt test_clock
    """,
    "customer (deleted)": """
        deleted id
    """,
    "dispute": """
        amount balance_transactions charge created currency evidence{ access_activity_log
        billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
        customer_communication customer_email_address customer_name customer_purchase_ip
        customer_signature duplicate_charge_documentation duplicate_charge_explanation
        duplicate_charge_id product_description receipt refund_policy refund_policy_disclosure
        refund_refusal_explanation service_date service_documentation shipping_address
        shipping_carrier shipping_date shipping_documentation shipping_tracking_number
        uncategorized_file uncategorized_text } evidence_details{ due_by has_evidence past_due
        submission_count } id is_charge_refundable livemode metadata payment_intent
        payment_method_details{ card{ brand network_reason_code } type } reason status
    """,
    "error (card)": """
        advice_code charge code decline_code doc_url message network_decline_code payment_intent
        payment_method request_log_url type
    """,
    "list": """
        data has_more url
    """,
    "payment_intent": """
        allowed_payment_method_types amount amount_capturable amount_details{ tip }
        amount_received application application_fee_amount automatic_payment_methods{
        allow_redirects enabled } canceled_at cancellation_reason capture_method client_secret
        confirmation_method created currency customer customer_account description
        excluded_payment_method_types id last_payment_error{ advice_code charge code
        decline_code doc_url message network_decline_code payment_method type } latest_charge
        livemode managed_payments{ enabled } metadata next_action{ type use_stripe_sdk }
        on_behalf_of payment_method payment_method_configuration_details{ id parent }
        payment_method_options{ card{ installments mandate_options{ amount amount_type
        description end_date interval interval_count reference start_date supported_types }
        network request_three_d_secure } klarna{ preferred_locale } link{ persistent_token }
        us_bank_account{ financial_connections{ permissions prefetch } mandate_options
        verification_method } } payment_method_types processing receipt_email review
        setup_future_usage shared_payment_granted_token shipping{ address{ city country line1
        line2 postal_code state } carrier name phone tracking_number } source
        statement_descriptor statement_descriptor_suffix status transfer_data{ destination }
        transfer_group
    """,
    "payment_method": """
        allow_redisplay billing_details{ address{ city country line1 line2 postal_code state }
        email name phone tax_id } card{ brand checks{ address_line1_check
        address_postal_code_check cvc_check } country display_brand exp_month exp_year
        fingerprint funding generated_from last4 networks{ available preferred }
        regulated_status three_d_secure_usage{ supported } wallet } created customer
        customer_account id livemode metadata type us_bank_account{ account_holder_type
        account_type bank_name financial_connections_account fingerprint last4 networks{
        preferred supported } routing_number status_details }
    """,
    "payout": """
        amount arrival_date automatic balance_transaction created currency description
        destination failure_balance_transaction failure_code failure_message id livemode
        metadata method original_payout reconciliation_status reversed_by source_type
        statement_descriptor status trace_id{ status value } type
    """,
    "price": """
        active billing_scheme created currency custom_unit_amount id livemode lookup_key
        metadata nickname product recurring{ interval interval_count meter trial_period_days
        usage_type } tax_behavior tiers_mode transform_quantity type unit_amount
        unit_amount_decimal
    """,
    "product": """
        active attributes created default_price description id images livemode
        marketing_features marketing_features[]{ name } metadata name package_dimensions
        shippable statement_descriptor tax_code type unit_label updated url
    """,
    "radar.early_fraud_warning": """
        actionable charge created fraud_type id livemode payment_intent
    """,
    "refund": """
        amount balance_transaction charge created currency destination_details{ card{
        reference_status reference_type type } type } id metadata payment_intent reason
        receipt_number source_transfer_reversal status transfer_reversal
    """,
    "setup_intent": """
        application automatic_payment_methods cancellation_reason client_secret created customer
        description flow_directions id last_setup_error latest_attempt livemode mandate metadata
        next_action{ type } on_behalf_of payment_method payment_method_configuration_details
        payment_method_options{ card{ mandate_options network request_three_d_secure }
        us_bank_account{ financial_connections{ permissions prefetch } verification_method } }
        payment_method_types single_use_mandate status usage
    """,
    "transfer": """
        amount amount_reversed balance_transaction created currency description destination
        destination_payment id livemode metadata reversals reversed source_transaction
        source_type transfer_group
    """,
    "transfer_reversal": """
        amount balance_transaction created currency destination_payment_refund id metadata
        source_refund transfer
    """,
    "webhook_endpoint": """
        api_version application created description enabled_events id livemode metadata status
        url
    """,
}
#: By test card: code, decline code, advice, and the codes of the network.
DECLINES = {
    "chargeDeclinedExpiredCard": (
        "expired_card", "expired_card", "confirm_card_data", "54", "03",
    ),
    "chargeDeclinedIncorrectCvc": (
        "incorrect_cvc", "incorrect_cvc", "confirm_card_data", "N7", "03",
    ),
    "chargeDeclinedProcessingError": (
        "processing_error", "processing_error", "try_again_later", "06", None,
    ),
    "visa_chargeDeclined": (
        "card_declined", "generic_decline", "try_again_later", "01", None,
    ),
    "visa_chargeDeclinedInsufficientFunds": (
        "card_declined", "insufficient_funds", "try_again_later", "51", "02",
    ),
    "visa_chargeDeclinedLostCard": (
        "card_declined", "lost_card", "do_not_try_again", "41", "01",
    ),
    "visa_chargeDeclinedStolenCard": (
        "card_declined", "stolen_card", "do_not_try_again", "43", "01",
    ),
    "visa_chargeDeclinedVelocityLimitExceeded": (
        "card_declined", "card_velocity_exceeded", "try_again_later", "61", "02",
    ),
}  # fmt: skip
