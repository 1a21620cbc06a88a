"""Every case that ONNX 1.23.2 ships or generates for an operator that refvis has, or nearly has; names without "test_".

`MAPPED` has a row for each operator: refvis computes these cases. `OUTSIDE` has a row for each reason why it does not.
"""

MAPPED = {
    "Add": """
        add add_bcast pytorch-operator/operator_add_broadcast pytorch-operator/operator_add_size1_broadcast
        pytorch-operator/operator_add_size1_right_broadcast
        pytorch-operator/operator_add_size1_singleton_broadcast
    """,
    "AffineGrid": """
        affine_grid_2d affine_grid_2d_align_corners
    """,
    "AveragePool": """
        averagepool_1d_default averagepool_2d_ceil averagepool_2d_ceil_last_window_starts_on_pad
        averagepool_2d_default averagepool_2d_pads averagepool_2d_pads_count_include_pad
        averagepool_2d_precomputed_pads averagepool_2d_precomputed_pads_count_include_pad
        averagepool_2d_precomputed_same_upper averagepool_2d_precomputed_strides averagepool_2d_same_lower
        averagepool_2d_same_upper averagepool_2d_strides pytorch-converted/AvgPool2d
        pytorch-converted/AvgPool2d_stride
    """,
    "BatchNormalization": """
        batchnorm_epsilon batchnorm_epsilon_training_mode batchnorm_example batchnorm_example_training_mode
        pytorch-converted/BatchNorm1d_3d_input_eval pytorch-converted/BatchNorm2d_eval
        pytorch-converted/BatchNorm2d_momentum_eval
    """,
    "Concat": """
        concat_1d_axis_0 concat_1d_axis_negative_1 concat_2d_axis_0 concat_2d_axis_1 concat_2d_axis_negative_1
        concat_2d_axis_negative_2 concat_3d_axis_0 concat_3d_axis_1 concat_3d_axis_2 concat_3d_axis_negative_1
        concat_3d_axis_negative_2 concat_3d_axis_negative_3 pytorch-operator/operator_concat2
    """,
    "Conv": """
        basic_conv_with_padding basic_conv_without_padding conv_with_autopad_same
        conv_with_strides_and_asymmetric_padding conv_with_strides_no_padding conv_with_strides_padding
        pytorch-converted/Conv1d pytorch-converted/Conv1d_dilated pytorch-converted/Conv1d_groups
        pytorch-converted/Conv1d_pad1 pytorch-converted/Conv1d_pad1size1 pytorch-converted/Conv1d_pad2
        pytorch-converted/Conv1d_pad2size1 pytorch-converted/Conv1d_stride pytorch-converted/Conv2d
        pytorch-converted/Conv2d_depthwise pytorch-converted/Conv2d_depthwise_padded
        pytorch-converted/Conv2d_depthwise_strided pytorch-converted/Conv2d_depthwise_with_multiplier
        pytorch-converted/Conv2d_dilated pytorch-converted/Conv2d_groups pytorch-converted/Conv2d_groups_thnn
        pytorch-converted/Conv2d_no_bias pytorch-converted/Conv2d_padding pytorch-converted/Conv2d_strided
        pytorch-operator/operator_conv
    """,
    "ConvTranspose": """
        convtranspose convtranspose_1d convtranspose_autopad_same convtranspose_dilations convtranspose_group_2
        convtranspose_group_2_image_3 convtranspose_kernel_shape convtranspose_output_shape convtranspose_pad
        convtranspose_pads pytorch-converted/ConvTranspose2d pytorch-converted/ConvTranspose2d_no_bias
        pytorch-operator/operator_convtranspose
    """,
    "Dropout": """
        dropout_default dropout_default_mask dropout_default_mask_ratio dropout_default_old
        dropout_default_ratio dropout_random_old training_dropout_default_mask training_dropout_mask
        training_dropout_zero_ratio training_dropout_zero_ratio_mask
    """,
    "Gemm": """
        gemm_all_attributes gemm_alpha gemm_beta gemm_default_matrix_bias gemm_default_no_bias
        gemm_default_scalar_bias gemm_default_single_elem_vector_bias gemm_default_vector_bias
        gemm_default_zero_bias gemm_transposeA gemm_transposeB pytorch-converted/Linear
    """,
    "GlobalAveragePool": """
        globalaveragepool globalaveragepool_precomputed
    """,
    "GlobalMaxPool": """
        globalmaxpool globalmaxpool_precomputed
    """,
    "GridSample": """
        gridsample gridsample_aligncorners_true gridsample_bilinear
        gridsample_bilinear_align_corners_0_additional_1 gridsample_bilinear_align_corners_1_additional_1
        gridsample_zeros_padding
    """,
    "LRN": """
        lrn lrn_default
    """,
    "LeakyRelu": """
        leakyrelu leakyrelu_default leakyrelu_example pytorch-converted/LeakyReLU
        pytorch-converted/LeakyReLU_with_negval
    """,
    "LpNormalization": """
        l1normalization_axis_0 l1normalization_axis_1 l1normalization_axis_last l2normalization_axis_0
        l2normalization_axis_1 lpnormalization_default
    """,
    "MatMul": """
        matmul_1d_1d matmul_1d_3d matmul_2d matmul_3d matmul_4d matmul_4d_1d matmul_bcast
    """,
    "MaxPool": """
        maxpool_1d_default maxpool_2d_ceil maxpool_2d_ceil_output_size_reduce_by_one maxpool_2d_default
        maxpool_2d_pads maxpool_2d_precomputed_pads maxpool_2d_precomputed_same_upper
        maxpool_2d_precomputed_strides maxpool_2d_same_lower maxpool_2d_same_upper maxpool_2d_strides
        maxpool_with_argmax_2d_precomputed_pads maxpool_with_argmax_2d_precomputed_strides
        pytorch-converted/MaxPool1d pytorch-converted/MaxPool1d_stride pytorch-converted/MaxPool2d
        pytorch-operator/operator_maxpool
    """,
    "MaxUnpool": """
        maxunpool_export_with_output_shape maxunpool_export_without_output_shape
    """,
    "Mul": """
        mul mul_bcast mul_example
    """,
    "NegativeLogLikelihoodLoss": """
        nllloss_NC nllloss_NCd1 nllloss_NCd1_ii nllloss_NCd1_mean_weight_negative_ii nllloss_NCd1_weight
        nllloss_NCd1_weight_ii nllloss_NCd1d2 nllloss_NCd1d2_no_weight_reduction_mean_ii
        nllloss_NCd1d2_reduction_mean nllloss_NCd1d2_reduction_sum nllloss_NCd1d2_with_weight
        nllloss_NCd1d2_with_weight_reduction_mean nllloss_NCd1d2_with_weight_reduction_sum
        nllloss_NCd1d2_with_weight_reduction_sum_ii nllloss_NCd1d2d3_none_no_weight_negative_ii
        nllloss_NCd1d2d3_sum_weight_high_ii nllloss_NCd1d2d3d4d5_mean_weight nllloss_NCd1d2d3d4d5_none_no_weight
    """,
    "PRelu": """
        pytorch-converted/PReLU_1d pytorch-converted/PReLU_2d pytorch-converted/PReLU_3d
    """,
    "Relu": """
        pytorch-converted/ReLU relu
    """,
    "Sigmoid": """
        pytorch-converted/Sigmoid sigmoid sigmoid_example
    """,
    "Softmax": """
        pytorch-converted/Softmax pytorch-converted/softmax_functional_dim3 pytorch-converted/softmax_lastdim
        softmax_axis_0 softmax_axis_1 softmax_axis_2 softmax_default_axis softmax_example softmax_large_number
        softmax_negative_axis
    """,
    "SoftmaxCrossEntropyLoss": """
        sce_NCd1_mean_weight_negative_ii sce_NCd1_mean_weight_negative_ii_log_prob
        sce_NCd1d2d3_none_no_weight_negative_ii sce_NCd1d2d3_none_no_weight_negative_ii_log_prob
        sce_NCd1d2d3_sum_weight_high_ii sce_NCd1d2d3_sum_weight_high_ii_log_prob sce_NCd1d2d3d4d5_mean_weight
        sce_NCd1d2d3d4d5_mean_weight_log_prob sce_NCd1d2d3d4d5_none_no_weight
        sce_NCd1d2d3d4d5_none_no_weight_log_prob sce_mean sce_mean_3d sce_mean_3d_log_prob sce_mean_log_prob
        sce_mean_no_weight_ii sce_mean_no_weight_ii_3d sce_mean_no_weight_ii_3d_log_prob
        sce_mean_no_weight_ii_4d sce_mean_no_weight_ii_4d_log_prob sce_mean_no_weight_ii_log_prob
        sce_mean_weight sce_mean_weight_ii sce_mean_weight_ii_3d sce_mean_weight_ii_3d_log_prob
        sce_mean_weight_ii_4d sce_mean_weight_ii_4d_log_prob sce_mean_weight_ii_log_prob
        sce_mean_weight_log_prob sce_none sce_none_log_prob sce_none_weights sce_none_weights_log_prob sce_sum
        sce_sum_log_prob
    """,
    "Sum": """
        sum_example sum_one_input sum_two_inputs
    """,
}
OUTSIDE = {
    "3 spatial axes": """
        affine_grid_3d affine_grid_3d_align_corners averagepool_3d_default
        averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False
        averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True
        averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False
        averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True averagepool_3d_dilations_small
        convtranspose_3d gridsample_volumetric_bilinear_align_corners_0
        gridsample_volumetric_bilinear_align_corners_1 gridsample_volumetric_nearest_align_corners_0
        gridsample_volumetric_nearest_align_corners_1 maxpool_3d_default maxpool_3d_dilations
        maxpool_3d_dilations_use_ref_impl maxpool_3d_dilations_use_ref_impl_large pytorch-converted/AvgPool3d
        pytorch-converted/AvgPool3d_stride pytorch-converted/AvgPool3d_stride1_pad0_gpu_input
        pytorch-converted/BatchNorm3d_eval pytorch-converted/BatchNorm3d_momentum_eval pytorch-converted/Conv3d
        pytorch-converted/Conv3d_dilated pytorch-converted/Conv3d_dilated_strided
        pytorch-converted/Conv3d_groups pytorch-converted/Conv3d_no_bias pytorch-converted/Conv3d_stride
        pytorch-converted/Conv3d_stride_padding pytorch-converted/MaxPool3d pytorch-converted/MaxPool3d_stride
        pytorch-converted/MaxPool3d_stride_padding
    """,
    "Lp pooling; Pool takes the largest value or the mean": """
        lppool_1d_default lppool_2d_default lppool_2d_dilations lppool_2d_pads lppool_2d_same_lower
        lppool_2d_same_upper lppool_2d_strides lppool_3d_default
    """,
    "a slope for each channel; ReLU has one leak": """
        prelu_broadcast prelu_example pytorch-converted/PReLU_1d_multiparam
        pytorch-converted/PReLU_2d_multiparam pytorch-converted/PReLU_3d_multiparam
    """,
    "border 'border'; the sampler reads 0 outside": """
        gridsample_border_padding
    """,
    "border 'reflection'; the sampler reads 0 outside": """
        gridsample_reflection_padding
    """,
    "dilated pooling": """
        averagepool_2d_dilations maxpool_2d_dilations pytorch-converted/MaxPool1d_stride_padding_dilation
        pytorch-converted/MaxPool2d_stride_padding_dilation
    """,
    "interpolated regions; ROIPool reads whole pixels": """
        roialign_aligned_false roialign_aligned_true roialign_mode_max
    """,
    "interpolation 'cubic'; the sampler is bilinear": """
        gridsample_bicubic gridsample_bicubic_align_corners_0_additional_1
        gridsample_bicubic_align_corners_1_additional_1
    """,
    "interpolation 'nearest'; the sampler is bilinear": """
        gridsample_nearest gridsample_nearest_align_corners_0_additional_1
        gridsample_nearest_align_corners_1_additional_1
    """,
    "random numbers that the case does not hold; Dropout is given its mask": """
        training_dropout training_dropout_default
    """,
    "values are int16; layers compute with float32 and float64": """
        add_int16 mul_int16
    """,
    "values are int8; layers compute with float32 and float64": """
        add_int8 mul_int8
    """,
    "values are uint16; layers compute with float32 and float64": """
        add_uint16 mul_uint16
    """,
    "values are uint32; layers compute with float32 and float64": """
        add_uint32 mul_uint32
    """,
    "values are uint64; layers compute with float32 and float64": """
        add_uint64 mul_uint64
    """,
    "values are uint8; layers compute with float32 and float64": """
        add_uint8 maxpool_2d_uint8 mul_uint8
    """,
}

MAPPED_NAMES = {name for row in MAPPED.values() for name in row.split()}
OUTSIDE_NAMES = {name: reason for reason, row in OUTSIDE.items() for name in row.split()}
